import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { FunctionGraph } from '../../lib/tensor/function-graph.js';
import { nativeBinding } from '../../lib/tensor/native.js';
import { encodeGraph } from '../../lib/tensor/protobuf.js';
import { Program, ProgramError, tf, type EntryBody, type ProgramOptions } from '../../lib/tensor/index.js';

const modes: ProgramOptions['mode'][] = ['eager', 'graph', 'xla'];
const vector = { shape: [3], dtype: 'float32' } as const;
const scalar = { shape: [], dtype: 'float32' } as const;

async function withEntry(body: EntryBody, mode: ProgramOptions['mode'] = 'graph'): Promise<Program> {
  return new Program('p', { mode }).variable('w', [3]).variable('other/w.b', [3]).variable('count', [], 'int32').entry('step', { x: vector }, body).build();
}
const start = { w: Float32Array.of(1, 2, 3), 'other/w.b': Float32Array.of(7, 8, 9), count: Int32Array.of(4) };

test.each(modes)('%s: reads give the value at the start, assignments the value at the end; a swap is a swap', async (mode) => {
  const program = await withEntry(({ x }, io) => {
    io.assign('w', io.read('other/w.b'));
    io.assign('other/w.b', io.read('w')); // still the old one
    io.assign('count', tf.add(io.read('count'), tf.scalar(1, 'int32')));
    return { old: io.read('w'), sum: tf.sum(x) };
  }, mode);
  program.setAll(start);
  for (let i = 0; i < 3; i++) {
    const before = program.getAll();
    const { old, sum } = program.call('step', { x: Float32Array.of(1, 1, 1) });
    expect(old).toEqual(before['w']);
    expect([...sum]).toEqual([3]);
    const after = program.getAll(); // outputs waited for the assignments
    expect(after['w']).toEqual(before['other/w.b']);
    expect(after['other/w.b']).toEqual(before['w']);
    expect(after['count']).toEqual(Int32Array.of(5 + i));
  }
  program.dispose();
});

test.each(modes)('%s: a variable assigned without being read, bool and scalar inputs, typed outputs', async (mode) => {
  const program = new Program('p', { mode }).variable('w', [3]);
  program.entry('fill', { on: { shape: [3], dtype: 'bool' }, by: scalar, ids: { shape: [2], dtype: 'int32' } }, ({ on, by, ids }, io) => {
    io.assign('w', tf.mul(tf.cast(on, 'float32'), by));
    return { ids, on, by };
  });
  program.entry('get', {}, (_, io) => ({ w: io.read('w') }));
  await program.build();
  expect(() => program.call('get', {})).toThrow("variable 'w' has no value yet");
  const outputs = program.call('fill', { on: Uint8Array.of(1, 0, 1), by: 2.5, ids: Int32Array.of(3, 4) });
  expect(outputs).toEqual({ ids: Int32Array.of(3, 4), on: Uint8Array.of(1, 0, 1), by: Float32Array.of(2.5) });
  expect(program.call('get', {})['w']).toEqual(Float32Array.of(2.5, 0, 2.5));
  program.set('w', Float32Array.of(1, 2, 3));
  expect(program.get('w')).toEqual(Float32Array.of(1, 2, 3));
  program.dispose();
});

test.each(modes)('%s: state is copied in and out', async (mode) => {
  const program = await withEntry((_, io) => ({ w: io.read('w') }), mode);
  // whether TensorFlow could share an array's memory depends on where it lies: among these starts some lie well
  const buffer = new ArrayBuffer(256);
  for (let offset = 0; offset < 128; offset += 4) {
    const w = new Float32Array(buffer, offset, start.w.length);
    w.set(start.w);
    program.setAll({ ...structuredClone(start), w });
    w[0] = 99;
    const { w: out } = program.call('step', { x: new Float32Array(3) });
    out[1] = 99;
    program.getAll()['w'][2] = 99;
    expect(program.getAll()['w'], `at byte ${offset}`).toEqual(start.w);
  }
  program.dispose();
});

test.each(modes)('%s: no native tensor is left by calls, nor by calls that fail', async (mode) => {
  const binding = nativeBinding();
  const program = await withEntry(({ x }, io) => {
    const next = tf.add(io.read('w'), tf.gather(x, tf.cast(x, 'int32')));
    io.assign('w', next);
    return { next };
  }, mode);
  program.setAll(start);
  const call = (): unknown => program.call('step', { x: new Float32Array(3) });
  call();
  program.getAll();
  const [tensors, held] = [binding.getNumOfTensors(), tf.memory().numTensors];
  for (let i = 0; i < 5; i++) {
    call();
    program.setAll(start);
    program.getAll();
    if (mode !== 'xla') expect(() => program.call('step', { x: Float32Array.of(9, 9, 9) })).toThrow(/p\.step: .*not in \[0, [23]/s); // under XLA indices are clamped
  }
  expect(binding.getNumOfTensors()).toBeLessThanOrEqual(tensors);
  expect(tf.memory().numTensors).toBe(held);
  program.dispose();
});

test('the folder that TensorFlow loads from is gone after the build, and two programs do not share variables of one name', async () => {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'program-test-'));
  const body: EntryBody = (_, io) => ({ w: io.read('w') });
  const make = (): Promise<Program> => new Program('p', { mode: 'graph', scratch }).variable('w', [3]).entry('get', {}, body).build();
  const models = nativeBinding().getNumOfSavedModels();
  const [a, b] = [await make(), await make()];
  expect(readdirSync(scratch)).toEqual([]);
  a.setAll({ w: Float32Array.of(1, 1, 1) });
  b.setAll({ w: Float32Array.of(2, 2, 2) });
  expect(a.call('get', {})['w'][0]).toBe(1);
  expect(a.digest).toBe(b.digest);
  a.dispose();
  b.dispose();
  expect(nativeBinding().getNumOfSavedModels()).toBe(models);
  expect(() => b.getAll()).toThrow('p: is not built, or disposed of');
  rmSync(scratch, { recursive: true });
});

test('the digest tells bodies, shapes and modes apart and not the time of the trace', async () => {
  const read = async (body: EntryBody, mode: ProgramOptions['mode'] = 'graph'): Promise<string> => {
    const program = await withEntry(body, mode);
    const value = program.digest;
    program.dispose();
    return value;
  };
  const double: EntryBody = ({ x }) => ({ y: tf.mul(x, 2) });
  const triple: EntryBody = ({ x }) => ({ y: tf.mul(x, 3) });
  const [first, second, other, xla] = [await read(double), await read(double), await read(triple), await read(double, 'xla')];
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(second).toBe(first);
  expect(new Set([first, other, xla]).size).toBe(3);
});

test('recomputation is found again: the same expression twice adds no node', async () => {
  const digests = await Promise.all(
    [1, 2].map(async (times) => {
      const program = await withEntry(({ x }) => {
        let y: Tensor = tf.exp(tf.mul(x, 2));
        for (let i = 1; i < times; i++) y = tf.exp(tf.mul(x, 2));
        return { y };
      });
      const { digest } = program;
      program.dispose();
      return digest;
    }),
  );
  expect(digests[0]).toBe(digests[1]);
});

test('equal constants are one node however often they are made, and a million equal values take no space', () => {
  const graph = new FunctionGraph('f');
  const mask = (): string => graph.constant('float32', [1000], Float32Array.from({ length: 1000 }, (_, i) => -i));
  expect(mask()).toBe(mask());
  expect(graph.nodes).toHaveLength(1);
  expect(graph.constant('float32', [2], [0, 1])).not.toBe(graph.constant('int32', [2], [0, 1]));
  expect(graph.constant('float32', [], [0])).not.toBe(graph.constant('float32', [], [-0]));
  graph.constant('float32', [1000, 1000], new Float32Array(1e6).fill(1));
  expect(encodeGraph(graph.nodes, []).length).toBeLessThan(6000);
});

const mistakes: readonly [string, EntryBody, RegExp][] = [
  ['an unknown variable', (_, io) => ({ y: io.read('weight') }), /^p\.step: no variable 'weight'$/],
  ['an assignment of another shape', ({ x }, io) => (io.assign('w', tf.reshape(x, [3, 1])), { x }), /^p\.step: variable 'w': is float32 \[3\] and was assigned float32 \[3, 1\]$/],
  ['an assignment of another dtype', ({ x }, io) => (io.assign('w', tf.cast(x, 'int32')), { x }), /was assigned int32 \[3\]$/],
  ['two assignments', ({ x }, io) => (io.assign('w', x), io.assign('w', x), { x }), /^p\.step: variable 'w' is assigned twice$/],
  ['no output', () => ({}), /^p\.step: an entry needs at least one output$/],
  ['a kernel that the tracer does not know', ({ x }) => ({ y: tf.cumsum(x) }), /^p\.step: kernel Cumsum is not known to the tracer; add a row to lib\/tensor\/kernels\.ts$/],
  ['reading a traced value', ({ x }) => ({ y: tf.scalar(x.dataSync()[0]) }), /^p\.step: a traced value has no data: it exists only inside the compiled function/],
  ['shapes that do not fit', ({ x }) => ({ y: tf.matMul(tf.reshape(x, [3, 1]), tf.ones([3, 1])) }), /3|inner/],
];
test.each(mistakes)('%s is an error by name at the build', async (_, body, message) => {
  const before = tf.getBackend();
  await expect(withEntry(body)).rejects.toThrow(message);
  expect(tf.getBackend()).toBe(before); // whatever happened inside
});

test('a tensor of another trace is an error that names both', async () => {
  let leaked: Tensor | undefined;
  const program = new Program('p', { mode: 'graph' });
  program.entry('first', { x: vector }, ({ x }) => ({ y: (leaked = tf.keep(tf.exp(x))) }));
  program.entry('second', { x: vector }, ({ x }) => ({ y: tf.add(x, leaked ?? x) }));
  await expect(program.build()).rejects.toThrow('p.second: a tensor of the trace of p.first is used');
});

test('calls check names, sizes and dtypes', async () => {
  const program = await withEntry(({ x }) => ({ x }));
  const x = new Float32Array(3);
  expect(() => program.call('stop', { x })).toThrow(new ProgramError('p', "no entry 'stop'; there are step"));
  expect(() => program.call('step', {})).toThrow(new ProgramError("p.step: input 'x'", 'is missing; it is float32 [3]'));
  expect(() => program.call('step', { x, y: x })).toThrow(new ProgramError('p.step', "no input 'y'; it takes x"));
  expect(() => program.call('step', { x: new Float32Array(4) })).toThrow(new ProgramError("p.step: input 'x'", 'is float32 [3], 3 values, and was given 4'));
  expect(() => program.call('step', { x: new Int32Array(3) })).toThrow(new ProgramError("p.step: input 'x'", 'is float32 [3] and was given Int32Array'));
  expect(() => program.getAll()).toThrow("variable 'w' has no value yet");
  expect(() => program.setAll({ ...start, v: x })).toThrow("p: no variable 'v'");
  expect(() => program.setAll({ w: x, 'other/w.b': x })).toThrow("p: variable 'count': is missing; it is int32 []");
  expect(() => program.get('v')).toThrow("no variable 'v'");
  expect(() => program.variable('late', [1])).toThrow('p: is built already');
  program.dispose();
});

test('declarations are checked', () => {
  const program = new Program('p').variable('w', [1]).entry('step', {}, () => ({}));
  expect(() => program.variable('w', [2])).toThrow("variable 'w' is declared twice");
  expect(() => program.entry('step', {}, () => ({}))).toThrow("entry 'step' is declared twice");
  expect(() => program.entry('a step', {}, () => ({}))).toThrow("entry 'a step' must be letters");
  expect(() => program.call('step', {})).toThrow('p: is not built');
});
