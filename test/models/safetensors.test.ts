import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openSafetensors, readSafetensors, writeSafetensors } from '../../lib/models/index.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => path.join(folder, name);

const arrays = { 'b.weight': Float32Array.of(1.5, -2, 3e-8, 4, 5, 6), 'a.bias': Float32Array.of(-0, 1e30), steps: Int32Array.of(7, -8, 2 ** 31 - 1) };
const shapes = { 'b.weight': [2, 3], 'a.bias': [2], steps: [3] };

test('comes back bit by bit, in its own order, with its metadata', async () => {
  await writeSafetensors({ path: at('round'), arrays, shapes, metadata: { step: '12' } });
  const read = await readSafetensors(at('round'));
  expect(read.arrays).toEqual(arrays);
  expect(Object.is(read.arrays['a.bias'][0], -0)).toBe(true);
  expect(Object.keys(read.arrays)).toEqual(Object.keys(arrays));
  expect(read.shapes).toEqual(shapes);
  expect(read.metadata).toEqual({ format: 'pt', step: '12' });
});

test('the file is what the format says, read by hand', async () => {
  await writeSafetensors({ path: at('hand'), arrays, shapes });
  const bytes = readFileSync(at('hand'));
  const length = Number(bytes.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  expect(header['__metadata__']).toEqual({ format: 'pt' });
  expect(header['a.bias']).toEqual({ dtype: 'F32', shape: [2], data_offsets: [24, 32] });
  expect(header['steps'].dtype).toBe('I32');
  expect(bytes.readFloatLE(8 + length + header['b.weight'].data_offsets[0] + 4)).toBe(-2);
  expect(bytes.length).toBe(8 + length + 44);
  await writeSafetensors({ path: at('again'), arrays, shapes });
  expect(readFileSync(at('again'))).toEqual(bytes);
});

/** a file as another program would write it */
function written(name: string, tensors: Record<string, { dtype: string; shape: number[]; bytes: Buffer }>): string {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [tensor, { dtype, shape, bytes }] of Object.entries(tensors)) header[tensor] = { dtype, shape, data_offsets: [offset, (offset += bytes.length)] };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(at(name), Buffer.concat([length, json, ...Object.values(tensors).map((t) => t.bytes)]));
  return at(name);
}

test('half precision and float64 come as float32', async () => {
  const f64 = Buffer.alloc(8);
  f64.writeDoubleLE(0.1);
  const file = written('types', {
    // 1, −2, 65504 (largest), 2^-24 (smallest), 1/3 rounded, ∞
    half: { dtype: 'F16', shape: [6], bytes: Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0x7c00).buffer) },
    brain: { dtype: 'BF16', shape: [2], bytes: Buffer.from(Uint16Array.of(0x3f80, 0xc049).buffer) },
    double: { dtype: 'F64', shape: [], bytes: f64 },
  });
  const { arrays: read } = await readSafetensors(file);
  expect([...read['half']]).toEqual([1, -2, 65504, 2 ** -24, 0.333251953125, Infinity]);
  expect([...read['brain']]).toEqual([1, -3.140625]);
  expect([...read['double']]).toEqual([Math.fround(0.1)]);
});

test('one tensor is read without the others, and an unknown one is named', async () => {
  await writeSafetensors({ path: at('one'), arrays, shapes });
  const file = await openSafetensors(at('one'));
  expect(await file.read('steps')).toEqual(arrays.steps);
  await expect(file.read('c')).rejects.toThrow(/one: there is no tensor c/);
  await file.close();
});

test('what is broken is said to be, by file', async () => {
  await writeSafetensors({ path: at('cut'), arrays, shapes });
  truncateSync(at('cut'), readFileSync(at('cut')).length - 1);
  await expect(readSafetensors(at('cut'))).rejects.toMatchObject({ code: 'DataCorrupt', message: expect.stringMatching(/cut: not a sound safetensors file: steps \[3\] does not fit/) });
  writeFileSync(at('short'), Buffer.of(1, 2, 3));
  await expect(readSafetensors(at('short'))).rejects.toThrow('it ends 5 bytes early');
  writeFileSync(at('long'), Buffer.alloc(16, 0xff));
  await expect(readSafetensors(at('long'))).rejects.toThrow('its header claims');
  writeFileSync(at('text'), Buffer.concat([Buffer.from(BigUint64Array.of(4n).buffer), Buffer.from('oops')]));
  await expect(readSafetensors(at('text'))).rejects.toThrow('its header is not JSON');
  await expect(readSafetensors(written('odd', { x: { dtype: 'I8', shape: [1], bytes: Buffer.alloc(1) } }))).rejects.toThrow('x is stored as I8');
  await expect(writeSafetensors({ path: at('bad'), arrays, shapes: { ...shapes, steps: [4] } })).rejects.toThrow('steps: 3 values for [4]');
});
