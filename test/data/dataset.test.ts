import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDataset, sampleRows, writeParquet, writeTokenShards, type PackedRow, type ShardIndex, type TokenDataset } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';

const T = 16;
const ROWS = 5_000;

function rowsOf(vocabularySize: number): PackedRow[] {
  const random = randomStream('dataset', vocabularySize);
  return Array.from({ length: ROWS }, (_, i) => ({ id: `s:${i}`, source: i % 2 === 0 ? 'even' : 'odd', tokens: Int32Array.from({ length: T }, () => random.below(vocabularySize)), documents: Array.from(Array(i % 4).keys(), (d) => `${i}/"${d}"/ä`) }));
}

const write = (folder: string, vocabularySize: number, rows = rowsOf(vocabularySize)) =>
  writeTokenShards({ folder, prefix: 'group-000', rows, count: ROWS, sequenceLength: T, vocabularySize, rowsPerShard: 2_200 });
const open = (folder: string, index: ShardIndex): Promise<TokenDataset> => openDataset({ file: (name) => Promise.resolve(path.join(folder, name)) }, index);

let folder: string;
let index: ShardIndex;
let dataset: TokenDataset;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-dataset-'));
  ({ index } = await write(folder, 2_048));
  dataset = await open(folder, index);
  return () => rm(folder, { recursive: true, force: true });
});

describe('shards', () => {
  test('are named by number and count', () => {
    expect(index.shards).toEqual([
      { file: 'group-000/part-00000-of-00003.parquet', rows: 2_200 },
      { file: 'group-000/part-00001-of-00003.parquet', rows: 2_200 },
      { file: 'group-000/part-00002-of-00003.parquet', rows: 600 },
    ]);
  });

  test('read back row by row, uint16 and uint32', async () => {
    for (const vocabularySize of [65_536, 70_000]) {
      const other = await temporaryFolder();
      const written = await write(other, vocabularySize);
      const read = await collect((await open(other, written.index)).read(0, ROWS));
      expect(read.map(({ index: at }) => at)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
      expect(read.map(({ id, source, tokens }) => ({ id, source, tokens: Array.from(tokens) }))).toEqual(rowsOf(vocabularySize).map(({ id, source, tokens }) => ({ id, source, tokens: Array.from(tokens) })));
    }
    expect((await collect(dataset.read(2_100, 2_300))).map(({ id }) => id)).toEqual(Array.from({ length: 200 }, (_, i) => `s:${2_100 + i}`));
  });

  test('the digest is over the content in order', async () => {
    const rows = rowsOf(2_048);
    const digests = [];
    for (const changed of [rows, rows, [rows[1], rows[0], ...rows.slice(2)], [{ ...rows[0], source: 'other' }, ...rows.slice(1)]]) digests.push((await write(await temporaryFolder(), 2_048, changed)).digest);
    expect(digests[0]).toBe(digests[1]);
    expect(new Set(digests).size).toBe(3);
  });

  test('files and index that disagree, a file that is no shard', async () => {
    await expect(open(folder, { ...index, rows: 1 })).rejects.toMatchObject({ code: 'DataCorrupt' });
    await expect(open(folder, { ...index, shards: [{ ...index.shards[0], rows: 7 }] })).rejects.toMatchObject({ code: 'DataCorrupt' });
    const other = await temporaryFolder();
    await writeFile(path.join(other, 'x.parquet'), 'nothing');
    await expect(open(other, { rows: 1, sequenceLength: T, shards: [{ file: 'x.parquet', rows: 1 }] })).rejects.toMatchObject({ code: 'DataCorrupt' });
  });
});

describe('order', () => {
  const ids = async (from: TokenDataset, params: { seed?: string; step: number; batchSize?: number; part?: { of: number; index: number }; subset?: Uint32Array }) =>
    (await from.batch({ seed: 'a', batchSize: 100, ...params })).map((row) => row.index);

  test('a batch is one of seed and step alone: not of what was read before, nor of the opened dataset', async () => {
    const fresh = await open(folder, index);
    const backwards = [];
    for (let step = 120; step >= 0; step -= 17) backwards.unshift({ step, rows: await ids(fresh, { step }) });
    for (const { step, rows } of backwards) expect(await ids(dataset, { step })).toEqual(rows);
    expect(await ids(dataset, { step: 0, seed: 'b' })).not.toEqual(await ids(dataset, { step: 0 }));
  });

  test('every epoch has every row once, in another order, and runs on within a batch', async () => {
    // batches of 96 do not divide 5,000: the 53rd has rows of both epochs
    const order: number[] = [];
    for (let step = 0; order.length < 2 * ROWS; step++) order.push(...(await ids(dataset, { step, batchSize: 96 })));
    const [first, second] = [order.slice(0, ROWS), order.slice(ROWS, 2 * ROWS)];
    for (const epoch of [first, second]) expect([...epoch].sort((a, b) => a - b)).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    expect(second).not.toEqual(first);
    // the order does not depend on the batch size
    expect(await ids(dataset, { step: 1, batchSize: 500 })).toEqual(order.slice(500, 1_000));
  });

  test('parts share no row whatever their seeds and epochs, and together are all', async () => {
    const parts = [new Set<number>(), new Set<number>(), new Set<number>()];
    for (let part = 0; part < 3; part++) {
      for (let step = 0; step < 60; step++) for (const row of await ids(dataset, { step, seed: `seed of ${part}`, part: { of: 3, index: part } })) parts[part].add(row);
    }
    expect(parts.map((part) => part.size).reduce((a, b) => a + b)).toBe(ROWS);
    expect(new Set(parts.flatMap((part) => [...part])).size).toBe(ROWS);
    for (const part of parts) expect(Math.abs(part.size - ROWS / 3)).toBeLessThanOrEqual(4); // ±1 a row group
  });

  test('a subset, and parts of it', async () => {
    const subset = sampleRows(ROWS, 0.2, 'x');
    expect(subset).toHaveLength(1_000);
    expect([...subset]).toEqual([...new Set(subset)].sort((a, b) => a - b));
    expect(sampleRows(ROWS, 0.2, 'x')).toEqual(subset);
    expect(sampleRows(ROWS, 0.2, 'y')).not.toEqual(subset);
    const seen: number[] = [];
    for (let step = 0; step < 10; step++) seen.push(...(await ids(dataset, { step, subset })));
    expect(seen.sort((a, b) => a - b)).toEqual([...subset]);
    const parts: number[] = [];
    for (const part of [0, 1]) for (let step = 0; step < 48; step++) parts.push(...(await ids(dataset, { step, batchSize: 10, subset, part: { of: 2, index: part } })));
    expect(new Set(parts).size).toBe(parts.length);
    expect(parts.every((row) => subset.includes(row))).toBe(true);
    // groups without a row of the subset
    expect(await ids(dataset, { step: 3, batchSize: 2, subset: Uint32Array.of(0, 4_999) })).toHaveLength(2);
  });

  test('a batch larger than what there is', async () => {
    await expect(dataset.batch({ seed: 'a', step: 0, batchSize: 6_000 })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('a batch wants 6000 rows, the dataset has 5000') as string });
    await expect(dataset.batch({ seed: 'a', step: 0, batchSize: 3_000, part: { of: 2, index: 1 } })).rejects.toThrow(/has 2[45]\d\d in part 1 of 2/);
  });
});

test('rows come with the ids of their documents where they are asked for, and shards of before have none', async () => {
  const artifact = { file: (name: string) => Promise.resolve(path.join(folder, name)) };
  const asked = await collect((await openDataset(artifact, index, { documents: true })).read(0, ROWS));
  expect(asked.map(({ documents }) => documents)).toEqual(rowsOf(2_048).map(({ documents }) => documents));
  expect(await collect(dataset.read(0, 3))).not.toContainEqual(expect.objectContaining({ documents: expect.anything() as unknown }));
  const before = await temporaryFolder();
  const schema = { id: { type: 'UTF8' }, source: { type: 'UTF8' }, tokens: { type: 'BYTE_ARRAY' } } as const;
  await writeParquet({ file: path.join(before, 'old.parquet'), schema, rows: [{ id: 'a', source: 's', tokens: new Uint8Array(2 * T) }], metadata: { 'bliss.tokens.dtype': 'uint16' } });
  const old = await openDataset({ file: () => Promise.resolve(path.join(before, 'old.parquet')) }, { rows: 1, sequenceLength: T, shards: [{ file: 'old.parquet', rows: 1 }] }, { documents: true });
  expect(await collect(old.read(0, 1))).toEqual([{ id: 'a', source: 's', tokens: new Int32Array(T), index: 0 }]);
});
