import { readFile, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openParquet, openSources, readRowIds, writeParquet } from '../../lib/data/index.js';
import { dateText, timestampText, timeText } from '../../lib/data/parquet-time.js';
import { readRecords } from '../../lib/data/sources/index.js';
import { collect, temporaryFolder } from './temporary.js';

/** @see ../fixtures/parquet-pages/make.py */
const folder = path.join(import.meta.dirname, '../fixtures/parquet-pages');
const fixture = <T>(file: string): T => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as T;
const rows = fixture<{ id: string; text: string | null; meta: { body: string | null } | null; input_ids: number[] | null; parts: string[]; tags: Record<string, string> }[]>('rows.json');
const PAGES = ['pages-v1.parquet', 'pages-v2.parquet'];

async function read(config: Record<string, unknown>, from = folder) {
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', ...config })] }, from);
  return collect(source.documents({ size: 500, endOfText: 499 }));
}
const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((documents) => ({ documents }), (error: unknown) => error);

describe.each(PAGES)('%s, one row group of 200 rows in pages of seven values', (file) => {
  test('gives every row, its lists and structs put together across pages', async () => {
    const parquet = await openParquet(path.join(folder, file));
    expect(parquet.rowGroups).toEqual([200]);
    const streamed = await collect(parquet.stream());
    await parquet.close();
    expect(streamed.map(({ rowGroup, row }) => [rowGroup, row])).toEqual(rows.map((_, i) => [0, i]));
    const plain = streamed.map(({ record: { id, meta, input_ids: ids, ...record } }) => ({ ...record, id: String(id), meta: meta ?? null, input_ids: ids ?? null }));
    expect(plain).toEqual(rows);
  });

  test('is read by pages: no more than one of 600 bytes is held', async () => {
    const parquet = await openParquet(path.join(folder, file), { mostPageBytes: 600 });
    expect(await collect(parquet.stream())).toHaveLength(200);
    await parquet.close();
  });

  test('texts of a nested column, with ids beyond 2^53', async () => {
    const bodies = rows.flatMap(({ id, meta }) => (meta?.body == null ? [] : [{ id, source: 'mine', text: meta.body }]));
    expect(await read({ paths: [file], textColumn: 'meta.body', idColumn: 'id' })).toEqual(bodies);
  });
});

test('a page larger than memory may hold is refused with row_group_size as the fix', async () => {
  const file = path.join(await temporaryFolder(), 'a.parquet');
  await writeParquet({ file, schema: { text: { type: 'UTF8' } }, rows: Array.from({ length: 300 }, (_, i) => ({ text: `text ${i}`.padEnd(100) })), rowGroupRows: 1_000 });
  const parquet = await openParquet(file, { mostPageBytes: 20_000 });
  expect(await failure(collect(parquet.stream()))).toMatchObject({ code: 'DataInvalid', where: file, message: expect.stringMatching(/a page of column text has 31200 bytes, and at most 20000/) as string, fix: expect.stringContaining('row_group_size') as string });
  await parquet.close();
  const smaller = path.join(path.dirname(file), 'b.parquet');
  await writeParquet({ file: smaller, schema: { text: { type: 'UTF8' } }, rows: Array.from({ length: 300 }, (_, i) => ({ text: `text ${i}`.padEnd(100) })), rowGroupRows: 100 });
  const again = await openParquet(smaller, { mostPageBytes: 20_000 });
  expect(await collect(again.stream())).toHaveLength(300);
  await again.close();
});

describe('strings that are no UTF-8 are an error with their row, never a replacement character', () => {
  const damaged = async (file: string, mark: string): Promise<string> => {
    const at = await temporaryFolder();
    const bytes = await readFile(path.join(folder, file));
    expect(bytes.indexOf(mark)).toBeGreaterThan(0);
    bytes[bytes.indexOf(mark)] = 0xff;
    await writeFile(path.join(at, 'bad.parquet'), bytes);
    return at;
  };
  const cases = PAGES.flatMap((file) => [
    [file, 'MARK-DICTIONARY', 'text', 11],
    [file, 'MARK-PLAIN', 'text', 151],
    [file, 'MARK-NESTED', 'meta.body', 121],
    [file, 'MARK-LIST', 'text', 79],
  ] as const);
  test.each(cases)('%s, %s', async (file, mark, column, row) => {
    const at = await damaged(file, mark);
    const expected = { code: 'DataInvalid', where: path.join(at, `bad.parquet:${row}`), message: expect.stringContaining('is not UTF-8') as string };
    const whole = collect(readRecords({ path: path.join(at, 'bad.parquet'), name: 'bad.parquet', format: 'parquet', size: 1 }));
    expect(await failure(whole)).toMatchObject(expected);
    if (mark === 'MARK-LIST') expect(await read({ paths: ['bad.parquet'], textColumn: column }, at)).toHaveLength(rows.filter(({ text }) => text !== null).length); // another column's
    else expect(await failure(read({ paths: ['bad.parquet'], textColumn: column }, at))).toMatchObject(expected);
  });

  test('of an id column, and of a file of row ids', async () => {
    const at = await damaged('pages-v1.parquet', 'MARK-PLAIN');
    expect(await failure(read({ paths: ['bad.parquet'], textColumn: 'meta.body', idColumn: 'text' }, at))).toMatchObject({ where: expect.stringMatching(/bad\.parquet:(31|151)$/) as string });
    const file = path.join(at, 'ids.parquet');
    await writeParquet({ file, schema: { id: { type: 'UTF8' } }, rows: [{ id: 'web:1' }, { id: 'web:MARK' }], compression: 'UNCOMPRESSED' });
    const bytes = await readFile(file);
    bytes[bytes.indexOf('MARK')] = 0xff;
    await writeFile(file, bytes);
    expect(await failure(readRowIds([{ path: file, name: 'ids.parquet', format: 'parquet', size: 1 }]))).toMatchObject({ code: 'DataInvalid', where: `${file}:2`, message: expect.stringContaining('not UTF-8') as string });
  });
});

describe('id columns', () => {
  const ids = fixture<Record<string, string[]>>('ids.json');
  const idsOf = async (column: string): Promise<string[]> => (await read({ paths: [column === 'int96' ? 'ids-int96.parquet' : 'ids.parquet'], idColumn: column })).map(({ id }) => id);

  test.each(Object.keys(ids))('%s: every value its own text, with all its digits', async (column) => {
    const texts = await idsOf(column);
    expect(texts).toEqual(ids[column]);
    expect(new Set(texts).size).toBe(4);
  });

  test('times beyond the calendar have texts of their own too', () => {
    expect(timestampText(2n ** 63n - 1n, 'MICROS', true)).toBe('1970-01-01+P106751991DT04:00:54.775807Z');
    expect(timestampText(-(2n ** 63n) + 1n, 'MILLIS', false)).toBe('1970-01-01-P106751991168DT16:47:04.193');
    expect(dateText(-1)).toBe('1969-12-31');
    expect(timeText(3_661_000_000_001n, 'NANOS')).toBe('01:01:01.000000001');
  });

  const none: [string, number, RegExp][] = [
    ['bad_bytes', 2, /bytes that are no UTF-8/],
    ['bad_float', 2, /a float beyond 2\^53, whose last digits are gone/],
    ['bad_nan', 2, /is NaN, not an id/],
    ['bad_null', 2, /is null, not an id/],
    ['flag', 1, /is a boolean, not an id/],
  ];
  test.each(none)('%s is no id: one error with its row and the fix', async (column, row, message) => {
    expect(await failure(idsOf(column))).toMatchObject({ code: 'DataInvalid', where: expect.stringContaining(`ids.parquet:${row}`) as string, message: expect.stringMatching(message) as string, fix: expect.stringMatching(/texts/) as string });
  });

  test.each([['timestamp_us', 'a timestamp'], ['decimal', 'a decimal'], ['uuid', 'a UUID'], ['int64', 'a bigint']])('%s is no text', async (column, kind) => {
    expect(await failure(read({ paths: ['ids.parquet'], textColumn: column }))).toMatchObject({ where: path.join(folder, 'ids.parquet:1'), message: expect.stringContaining(`the column ${column} holds ${kind}, not text`) as string });
  });

  test('records of tasks keep the digits too', async () => {
    const [first, second] = await collect(readRecords({ path: path.join(folder, 'pages-v1.parquet'), name: 'pages-v1.parquet', format: 'parquet', size: 1 }));
    expect([first.record['id'], second.record['id']]).toEqual(['1152921504606846976', '1152921504606846977']);
  });
});
