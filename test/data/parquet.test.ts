import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openParquet, openParquetWriter, parquetRows, readParquet, writeParquet } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';

const fixtures = path.join(import.meta.dirname, '../fixtures/parquet');

describe('round trip from parquetjs-lite to hyparquet', () => {
  test('keeps every bit of float32, double, int32, int64, bytes and text', async () => {
    const random = randomStream('parquet');
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    const rows = Array.from({ length: 3_000 }, (_, i) => {
      do bits[0] = random.below(2 ** 32);
      while (Number.isNaN(float[0]) || Object.is(float[0], -0));
      return {
        float: float[0],
        double: random.normal() * 10 ** random.below(300),
        int: random.below(2 ** 32) - 2 ** 31,
        long: BigInt(random.below(2 ** 32)) * 2_097_152n - 2n ** 52n,
        bytes: Uint8Array.from({ length: random.below(40) }, () => random.below(256)),
        text: i % 5 === 0 ? '' : `naïve 😀 ${i}\0\n`,
        flag: random.below(2) === 1,
        maybe: random.below(3) === 0 ? null : random.below(1000),
      };
    });
    for (const compression of ['SNAPPY', 'GZIP', 'UNCOMPRESSED'] as const) {
      const file = path.join(await temporaryFolder(), 'a.parquet');
      const written = await writeParquet({
        file,
        compression,
        rows,
        metadata: { key: 'välue' },
        schema: {
          float: { type: 'FLOAT' },
          double: { type: 'DOUBLE' },
          int: { type: 'INT32' },
          long: { type: 'INT64' },
          bytes: { type: 'BYTE_ARRAY' },
          text: { type: 'UTF8' },
          flag: { type: 'BOOLEAN' },
          maybe: { type: 'INT32', optional: true },
        },
      });
      expect(written).toBe(3_000);
      const parquet = await openParquet(file);
      expect(parquet).toMatchObject({ rows: 3_000, rowGroups: [1_024, 1_024, 952], metadata: { key: 'välue' } });
      expect(parquet.columns).toEqual(['float', 'double', 'int', 'long', 'bytes', 'text', 'flag', 'maybe']);
      const second = await parquet.readRowGroup(1, ['int']);
      expect(second.map((row) => row['int'])).toEqual(rows.slice(1_024, 2_048).map((row) => row.int));
      await parquet.close();
      const read = await readParquet({ file });
      expect(read.map((row) => ({ ...row, maybe: row['maybe'] ?? null }))).toEqual(rows);
    }
  });

  test('an empty file has no rows', async () => {
    const file = path.join(await temporaryFolder(), 'a.parquet');
    await writeParquet({ file, schema: { a: { type: 'INT32' } }, rows: [] });
    expect(await readParquet({ file })).toEqual([]);
  });

  test('a failed or aborted file leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'a.parquet');
    const rows = function* () {
      yield { a: 1 };
      throw new Error('source broke');
    };
    await expect(writeParquet({ file, schema: { a: { type: 'INT32' } }, rows: rows() })).rejects.toThrow('source broke');
    const writer = await openParquetWriter({ file, schema: { a: { type: 'INT32' } } });
    await expect(writer.append({ a: 'no number' })).rejects.toThrow('invalid value for INT32');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a full disk is said to be one', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'a.parquet');
    await symlink('/dev/full', `${file}.partial`);
    const rows = Array.from({ length: 5_000 }, () => ({ a: 'x'.repeat(100) }));
    await expect(writeParquet({ file, schema: { a: { type: 'UTF8' } }, rows })).rejects.toMatchObject({ code: 'DiskFull', where: file });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('what is no Parquet', () => {
  test('a truncated file', async () => {
    const folder = await temporaryFolder();
    const whole = await readFile(path.join(fixtures, '03-text-gzip-rowgroups.parquet'));
    const file = path.join(folder, 'cut.parquet');
    await writeFile(file, whole.subarray(0, whole.length / 2));
    await expect(openParquet(file)).rejects.toMatchObject({ code: 'DataCorrupt', where: file });
  });

  test('a broken page', async () => {
    const folder = await temporaryFolder();
    const bytes = await readFile(path.join(fixtures, '03-text-gzip-rowgroups.parquet'));
    bytes.fill(0, 60, 400);
    const file = path.join(folder, 'broken.parquet');
    await writeFile(file, bytes);
    await expect(readParquet({ file })).rejects.toMatchObject({ code: 'DataCorrupt', where: `${file} (row group 0)` });
  });

  test('text, nothing, no file', async () => {
    const folder = await temporaryFolder();
    for (const text of ['', 'PAR1', 'some text that is no Parquet']) {
      const file = path.join(folder, 'x.parquet');
      await writeFile(file, text);
      await expect(openParquet(file)).rejects.toMatchObject({ code: 'DataCorrupt' });
    }
    await expect(openParquet(path.join(folder, 'none.parquet'))).rejects.toMatchObject({ code: 'DataInvalid' });
  });
});

test('rows can be a stream', async () => {
  const file = path.join(await temporaryFolder(), 'a.parquet');
  const rows = (async function* () {
    for (let a = 0; a < 10; a++) yield { a };
  })();
  expect(await writeParquet({ file, schema: { a: { type: 'INT32' } }, rows })).toBe(10);
  expect((await collect(parquetRows({ file }))).length).toBe(10);
});
