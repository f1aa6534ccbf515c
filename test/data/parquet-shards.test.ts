import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openParquet, readParquet, writeParquetShards, type ParquetRow, type ParquetSchema } from '../../lib/data/index.js';
import { temporaryFolder } from './temporary.js';

const schema: ParquetSchema = { text: { type: 'UTF8' }, count: { type: 'INT64', optional: true } };
/** 4 for an offset, the text, 8 for the number */
const rowOf = (bytes: number, count: bigint | null = null): ParquetRow => ({ text: 'x'.repeat(bytes - 12), count });

test('each file is as full as it gets, a row that is too long has one of its own, and the last name says how many there are', async () => {
  const folder = path.join(await temporaryFolder(), 'made');
  const sizes = [40, 60, 1, 100, 250, 30, 30].map((size) => Math.max(12, size));
  const shards = await writeParquetShards({ folder, prefix: 'a', schema, rows: sizes.map((size, i) => rowOf(size, BigInt(i))), shardBytes: 100 });
  expect(shards).toEqual([2, 1, 1, 1, 2].map((rows, i) => ({ file: `a-0000${i}-of-00005.parquet`, rows })));
  expect(await readdir(folder)).toEqual(shards.map(({ file }) => file));
  const read = await Promise.all(shards.map(({ file }) => readParquet({ file: path.join(folder, file) })));
  expect(read.flat().map((row) => [String(row['text']).length + 12, row['count']])).toEqual(sizes.map((size, i) => [size, BigInt(i)]));
});

test('a text counts by its bytes, not its characters', async () => {
  const rows = Array.from({ length: 4 }, () => ({ text: 'é'.repeat(19), count: null })); // 50 bytes each
  const shards = await writeParquetShards({ folder: await temporaryFolder(), prefix: 'a', schema, rows, shardBytes: 100 });
  expect(shards.map((shard) => shard.rows)).toEqual([2, 2]);
});

test('no rows are one empty file, and the same rows the same bytes', async () => {
  const folders = [await temporaryFolder(), await temporaryFolder()];
  for (const folder of folders) {
    expect(await writeParquetShards({ folder, prefix: 'none', schema, rows: [], shardBytes: 100 })).toEqual([{ file: 'none-00000-of-00001.parquet', rows: 0 }]);
    await writeParquetShards({ folder, prefix: 'some', schema, rows: Array.from({ length: 2_500 }, (_, i) => rowOf(20 + (i % 7), BigInt(i))), shardBytes: 1e6, rowGroupRows: 1_000 });
  }
  const bytes = await Promise.all(folders.map((folder) => readFile(path.join(folder, 'some-00000-of-00001.parquet'))));
  expect(bytes[0].equals(bytes[1])).toBe(true);
  const parquet = await openParquet(path.join(folders[0], 'some-00000-of-00001.parquet'));
  await parquet.close();
  expect(parquet.rowGroups).toEqual([1_000, 1_000, 500]);
});

test('where the rows end in an error, no file of that moment stays', async () => {
  const folder = await temporaryFolder();
  const rows = function* (): Iterable<ParquetRow> {
    yield rowOf(90);
    yield rowOf(90);
    throw new Error('source broke');
  };
  await expect(writeParquetShards({ folder, prefix: 'a', schema, rows: rows(), shardBytes: 100 })).rejects.toThrow('source broke');
  expect((await readdir(folder)).filter((file) => file.endsWith('.partial') || file.includes('-of-'))).toEqual([]);
});
