import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { canonicalJson, digestJson, digestLines, digestRows, digestTensors, digestTensorStream, writeFileAtomic } from '../../lib/artifacts/index.js';

const sha = (...parts: (string | Uint8Array)[]): string => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

describe('canonical JSON', () => {
  test('sorts keys, drops undefined members, writes −0 as 0 and no spaces', () => {
    expect(canonicalJson({ b: [1, -0, 2.5e-7, 1e21], a: { z: null, y: undefined, x: true }, B: 'é"\n' })).toBe('{"B":"é\\"\\n","a":{"x":true,"z":null},"b":[1,0,2.5e-7,1e+21]}');
  });

  test('reads back as the value it was', () => {
    const value = { list: [{ b: 1, a: [] }, 'text', null, false], n: -12.75, empty: {} };
    expect(JSON.parse(canonicalJson(value))).toEqual(value);
  });

  test.each([
    ['NaN', { a: { b: [1, NaN] } }, '$.a.b[1]'],
    ['Infinity', { loss: -Infinity }, '$.loss'],
    ['bigint', { n: 1n }, '$.n'],
    ['undefined', { list: [undefined] }, '$.list[0]'],
    ['undefined', { list: new Array<number>(1) }, '$.list[0]'],
    ['function', { f: () => 1 }, '$.f'],
    ['a Map', { m: new Map() }, '$.m'],
    ['a Date', { d: new Date(0) }, '$.d'],
    ['a Float32Array', { t: new Float32Array(1) }, '$.t'],
  ])('%s is refused by its path', (found, value, where) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'DataInvalid', where, message: expect.stringContaining(found) }));
  });
});

describe('tensors', () => {
  test('are digested by sorted name, dtype, shape and little-endian bits', () => {
    const a = Float32Array.of(1, -2, 0.5, 3);
    const b = Int32Array.of(-1, 7);
    const bits = (values: number[], write: 'writeFloatLE' | 'writeInt32LE'): Buffer => values.reduce((buffer, v, i) => { buffer[write](v, i * 4); return buffer; }, Buffer.alloc(values.length * 4));
    const expected = sha('{"dtype":"float32","name":"a","shape":[2,2]}\n', bits([...a], 'writeFloatLE'), '{"dtype":"int32","name":"b","shape":[2]}\n', bits([...b], 'writeInt32LE'));
    expect(digestTensors({ b, a }, { a: [2, 2] })).toBe(expected);
    expect(digestTensors({ a, b }, { a: [2, 2], b: [2] })).toBe(expected);
  });

  test('differ by one bit, by shape, by name, by dtype', () => {
    const base = digestTensors({ a: Float32Array.of(1, 2) });
    const next = Float32Array.of(1, 2);
    new Uint32Array(next.buffer)[1] += 1;
    const others = [digestTensors({ a: next }), digestTensors({ a: Float32Array.of(1, 2) }, { a: [2, 1] }), digestTensors({ b: Float32Array.of(1, 2) }), digestTensors({ a: new Int32Array(Float32Array.of(1, 2).buffer) })];
    expect(new Set([base, ...others]).size).toBe(5);
  });

  test('every NaN counts as one, −0 is not 0, and a view is digested as its own elements', () => {
    const nan = new Float32Array(Uint32Array.of(0x7fc00000, 0x3f800000).buffer);
    const other = new Float32Array(Uint32Array.of(0xffc12345, 0x3f800000).buffer);
    expect(digestTensors({ a: nan })).toBe(digestTensors({ a: other }));
    expect(digestTensors({ a: Float32Array.of(0) })).not.toBe(digestTensors({ a: Float32Array.of(-0) }));
    expect(digestTensors({ a: Float32Array.of(9, 1, 2, 9).subarray(1, 3) })).toBe(digestTensors({ a: Float32Array.of(1, 2) }));
  });

  test('longer than a chunk, with a NaN in the last one, equal a hash over all bytes; one at a time gives the same', async () => {
    const long = Float32Array.from({ length: 150_001 }, (_, i) => Math.sin(i));
    long[150_000] = NaN;
    expect(digestTensors({ long })).toBe(sha('{"dtype":"float32","name":"long","shape":[150001]}\n', new Uint8Array(long.buffer)));
    const arrays: Record<string, Float32Array> = { z: long, a: Float32Array.of(1) };
    expect(await digestTensorStream({ names: ['z', 'a'], read: async (name) => arrays[name] })).toBe(digestTensors(arrays));
  });

  test('a shape that does not fit is refused by name', () => {
    expect(() => digestTensors({ w: new Float32Array(5) }, { w: [2, 2] })).toThrow('tensor w: shape [2, 2] wants 4 elements, found 5');
  });
});

describe('rows and lines', () => {
  test('equal a hash over length, id and float32 bits, from plain and async iterables', async () => {
    const rows: [string, number][] = Array.from({ length: 9_000 }, (_, i) => [`père/${i}`, i / 3]);
    const bytes = rows.map(([id, value]) => {
      const text = Buffer.from(id);
      const head = Buffer.alloc(4);
      head.writeUInt32LE(text.length);
      return Buffer.concat([head, text, new Uint8Array(Float32Array.of(value).buffer)]);
    });
    async function* slowly(): AsyncGenerator<[string, number]> { yield* rows; }
    expect(await digestRows(rows)).toBe(sha(...bytes));
    expect(await digestRows(slowly())).toBe(sha(...bytes));
    expect(await digestRows([...rows].reverse())).not.toBe(sha(...bytes));
  });

  test('every NaN of a row counts as one', async () => {
    const [other] = new Float32Array(Uint32Array.of(0xffc12345).buffer);
    expect(await digestRows([['a', other]])).toBe(sha(Buffer.from([1, 0, 0, 0]), 'a', Buffer.from([0, 0, 0xc0, 0x7f])));
  });

  test('where one text ends and the next begins counts', async () => {
    expect(await digestLines(['ab', 'c'])).not.toBe(await digestLines(['a', 'bc']));
    expect(await digestLines(['a\nb'])).not.toBe(await digestLines(['a', 'b']));
    expect(await digestLines([])).toBe(sha(''));
    const long = 'é'.repeat(200_000); // of more bytes than are gathered
    expect(await digestLines(['a', long, 'b'])).toBe(sha(Buffer.from([1, 0, 0, 0]), 'a', Buffer.from([0x80, 0x1a, 6, 0]), long, Buffer.from([1, 0, 0, 0]), 'b'));
  });

  test('JSON by its canonical text', () => {
    expect(digestJson({ b: 1, a: 2 })).toBe(sha('{"a":2,"b":1}'));
  });
});

test('an atomic file is replaced whole, its folder made, no temporary left', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'bliss-atomic-'));
  const file = path.join(root, 'runs', 'a', 'run.json');
  await writeFileAtomic(file, 'one');
  await writeFileAtomic(file, Buffer.from('two'));
  expect(await readFile(file, 'utf8')).toBe('two');
  expect(await readdir(path.dirname(file))).toEqual(['run.json']);
  await rm(root, { recursive: true });
});
