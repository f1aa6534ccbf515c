import { cp, readFile, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openSources } from '../../lib/data/index.js';
import { collect, temporaryFolder } from './temporary.js';

/** @see ../fixtures/parquet-writers/make.py */
const folder = path.join(import.meta.dirname, '../fixtures/parquet-writers');
const rows = JSON.parse(readFileSync(path.join(folder, 'rows.json'), 'utf8')) as { id: string; text: string | null; meta: { body: string | null }; input_ids: number[] | null }[];
const files = readdirSync(folder).filter((file) => file.endsWith('.parquet'));

async function read(config: Record<string, unknown>, from = folder) {
  const [source] = openSources({ sources: [sourceSchema.parse({ name: 'mine', idColumn: 'id', ...config })] }, from);
  return collect(source.documents({ size: 500, endOfText: 499 }));
}

const texts = rows.flatMap(({ id, text }) => (text === null || text === '' ? [] : [{ id, source: 'mine', text }]));
const bodies = rows.flatMap(({ id, meta: { body } }) => (body === null ? [] : [{ id, source: 'mine', text: body }]));
const tokens = rows.flatMap(({ id, input_ids: ids }) => (ids === null || ids.length === 0 ? [] : [{ id, source: 'mine', tokens: Int32Array.from(ids.at(-1) === 499 ? ids : [...ids, 499]) }]));

test('the files are of six writers', () => {
  expect(new Set(files.map((file) => file.split(/[-.]/)[0]))).toEqual(new Set(['datasets', 'duckdb', 'fastparquet', 'polars', 'pyarrow', 'spark']));
  expect(files.length).toBeGreaterThan(20);
});

describe.each(files.filter((file) => !file.startsWith('pyarrow-ids')))('%s', (file) => {
  test('texts, with their ids and without nulls', async () => {
    expect(await read({ type: 'files', paths: [file] })).toEqual(texts);
  });
  if (file.startsWith('fastparquet')) return; // writes neither
  test('a nested text column, and lists of ids', async () => {
    expect(await read({ type: 'files', paths: [file], textColumn: 'meta.body' })).toEqual(bodies);
    expect(await read({ type: 'tokens', paths: [file] })).toEqual(tokens);
  });
});

test.each(['uint16', 'uint32', 'int64'])('lists of %s', async (dtype) => {
  expect(await read({ type: 'tokens', paths: [`pyarrow-ids-${dtype}.parquet`] })).toEqual(tokens);
});

test('lists of a fixed size, as pieces of a stream: nothing is added', async () => {
  const documents = await read({ type: 'tokens', paths: ['pyarrow-ids-fixed-size.parquet'], endOfText: 'inside' });
  expect(documents).toEqual(rows.map(({ id }, i) => ({ id, source: 'mine', tokens: Int32Array.of(i, 1, 2, 3) })));
});

describe('bytes that were changed or lost are one error', () => {
  const bad = async (file: string, change: (bytes: Buffer) => Buffer) => {
    const copy = await temporaryFolder();
    await cp(path.join(folder, file), path.join(copy, 'bad.parquet'));
    await writeFile(path.join(copy, 'bad.parquet'), change(await readFile(path.join(copy, 'bad.parquet'))));
    return read({ type: 'files', paths: ['bad.parquet'] }, copy).then(
      (documents) => ({ documents }),
      (error: unknown) => error,
    );
  };

  test('every flipped byte of the text column’s pages is noticed where pages have checksums', async () => {
    const clean = readFileSync(path.join(folder, 'pyarrow-checksums.parquet'));
    // a literal in a snappy page of the second row group: the first begins with "document 0"
    const at = clean.indexOf('document 1');
    expect(at).toBeGreaterThan(0);
    for (let i = 0; i < 10; i++) {
      const error = await bad('pyarrow-checksums.parquet', (bytes) => {
        bytes[at + i] ^= 1;
        return bytes;
      });
      expect(error).toMatchObject({ code: 'DataCorrupt', where: expect.stringMatching(/bad\.parquet \(row group 1\)$/) as string, message: expect.stringMatching(/page of column text has another checksum/) as string, fix: expect.stringContaining('copy it again') as string });
    }
  });

  test('Spark writes checksums too', async () => {
    const error = await bad('spark-snappy.parquet', (bytes) => {
      bytes[bytes.indexOf('document') + 3] ^= 4;
      return bytes;
    });
    expect(error).toMatchObject({ code: 'DataCorrupt', message: expect.stringMatching(/another checksum/) as string });
  });

  test.each(files.filter((file) => /(snappy|zstd|gzip|none|brotli)\.parquet$/.test(file)))('%s cut off anywhere', async (file) => {
    for (const share of [0, 0.3, 0.7, 0.99]) {
      expect(await bad(file, (bytes) => bytes.subarray(0, Math.floor(bytes.length * share))), String(share)).toMatchObject({ code: 'DataCorrupt', where: expect.stringContaining('bad.parquet') as string, message: expect.stringContaining('cannot be read as Parquet') as string });
    }
  });
});
