import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openSources, writeParquet, type Document } from '../../lib/data/index.js';
import { collect, temporaryFolder } from './temporary.js';

/** 40 lines {"text":"document N of the zstd sample, of the zstd sample"} by zstd -19, one frame with compressed blocks */
const ZSTD = 'KLUv/QRo9QMAMoUSFpDNARhl1QBgseX/k+3eFRGRuoXM1pxsKW9eTWHZUt68moKypbx5NZMt5c2rCUwYtKRRCOeMd6JryN/BnHC/NOUpGAMHfKg9SgEpqBGgc/3v0FOxGhH8Owzhf4fgDyUVibQiJYlERZJSiaStQJ6ZJCKRjGQBSPB/AVEDDGMhJA==';
/** the same in two frames */
const ZSTD_TWO_FRAMES = 'KLUv/QRYVQQAQsQPF5BNBxjVmvFGRCCK3F1p4X83bbq8PgclziszM////48cRkGsIQ9UGKgDNeWZ7ZuszZpxFryPtmhxDBNcSRepGQACkghIJyAxAUn0RkgnN0JiaiMkERshndYIiUmNkERphHRCIyTWGSHZzAiJBUgSIF2AxAIkCZAuQGIBkgRIF5AYEDz3SyYZIF6sByi1L/0EWD0DAKQDZiB0aGUgenN0ZCBzYW1wbGUsIG8ifQp7InRleHQiOiJkb2N1bWVudCAyNTY3ODkzMDEyMzQ1Njc4OREAASQC0glITEASAekEJCYgiYB0AhITkFqAJALSCUhMIMkgQGBTSXPzZAJx60To';

interface Files {
  readonly folder: string;
  readonly paths: string[];
  readonly textColumn?: string;
  readonly idColumn?: string;
  readonly format?: 'auto' | 'jsonl' | 'parquet' | 'text';
}

async function read({ folder, ...files }: Files) {
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', ...files })] }, folder);
  return (await collect(source.documents())) as Document[]; // of sources of type files
}

const lines = Array.from({ length: 1_000 }, (_, i) => JSON.stringify({ text: `text ${i} ä😀`, id: i, meta: { body: `b${i}` } })).join('\n');

describe('formats', () => {
  test('JSON lines, plain and gzip, across chunk borders, with and without a last line feed', async () => {
    const folder = await temporaryFolder();
    const long = Array.from({ length: 5_000 }, (_, i) => `${JSON.stringify({ text: `${i} ${'ä'.repeat(i % 500)}` })}\r\n`).join('');
    await writeFile(path.join(folder, 'a.jsonl'), `\uFEFF${lines}\n\n`);
    await writeFile(path.join(folder, 'b.jsonl.gz'), gzipSync(lines));
    await writeFile(path.join(folder, 'c.jsonl.gz'), Buffer.concat([gzipSync(lines), gzipSync(`\n${lines}`)]));
    await writeFile(path.join(folder, 'd.jsonl'), long);
    const documents = await read({ folder, paths: ['a.jsonl'] });
    expect(documents).toHaveLength(1_000);
    expect(documents[999]).toEqual({ id: 'a.jsonl:1000', source: 'mine', text: 'text 999 ä😀' });
    expect((await read({ folder, paths: ['b.jsonl.gz'] })).map(({ text }) => text)).toEqual(documents.map(({ text }) => text));
    expect(await read({ folder, paths: ['c.jsonl.gz'] })).toHaveLength(2_000);
    expect((await read({ folder, paths: ['d.jsonl'] })).map(({ text }) => text)).toEqual(Array.from({ length: 5_000 }, (_, i) => `${i} ${'ä'.repeat(i % 500)}`));
  });

  test('zstd, one frame and two', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl.zst'), Buffer.from(ZSTD, 'base64'));
    await writeFile(path.join(folder, 'b.jsonl.zst'), Buffer.from(ZSTD_TWO_FRAMES, 'base64'));
    for (const file of ['a.jsonl.zst', 'b.jsonl.zst']) {
      expect((await read({ folder, paths: [file] })).map(({ text }) => text)).toEqual(Array.from({ length: 40 }, (_, i) => `document ${i} of the zstd sample, of the zstd sample`));
    }
  });

  test('ids and nested fields', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl'), lines);
    expect((await read({ folder, paths: ['a.jsonl'], textColumn: 'meta.body', idColumn: 'id' }))[7]).toEqual({ id: '7', source: 'mine', text: 'b7' });
  });

  test('Parquet by pyarrow: nulls and empty texts are no documents', async () => {
    const folder = path.join(import.meta.dirname, '../fixtures/parquet');
    const documents = await read({ folder, paths: ['08-*.parquet'] });
    expect(documents[0]).toMatchObject({ id: '08-snappy-v2-dictionary-nulls-rowgroups.parquet:3', text: 'naïve café' });
    expect((await read({ folder, paths: ['05-nested-zstd.parquet'], textColumn: 'meta.url' })).length).toBeGreaterThan(0);
    expect((await read({ folder, paths: ['0[136]*.parquet'] })).length).toBeGreaterThan(100);
  });

  test('text: a file is a document', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'deep/er'), { recursive: true });
    await writeFile(path.join(folder, 'b.txt'), 'second\n\nparagraph');
    await writeFile(path.join(folder, 'deep/er/a.txt'), 'first');
    await writeFile(path.join(folder, 'c.txt.gz'), gzipSync('third'));
    await writeFile(path.join(folder, 'odd[1].txt'), 'fourth');
    expect((await read({ folder, paths: ['**/*.txt', 'c.txt.gz'] })).map(({ text }) => text)).toEqual(['second\n\nparagraph', 'first', 'fourth', 'third']);
    expect((await read({ folder, paths: ['odd[1].txt'] })).map(({ text }) => text)).toEqual(['fourth']);
    expect(await read({ folder, paths: ['?.txt', 'b.txt'] })).toHaveLength(1);
    expect((await read({ folder, paths: ['[!bc].txt', 'deep/**'] }).catch((error: unknown) => String(error)))).toContain('no file matches');
    await writeFile(path.join(folder, 'x[.txt'), 'fifth');
    expect((await read({ folder, paths: ['*[.t?t'] })).map(({ text }) => text)).toEqual(['fifth']);
  });

  test('progress goes to 1', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl.gz'), gzipSync(lines));
    const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', paths: ['*.gz'] })] }, folder);
    expect(source.progress()).toBeUndefined();
    await collect(source.documents());
    expect(source.progress()).toBe(1);
  });
});

describe('one error each, with file and line', () => {
  const jsonl = (name: string, content: string | Buffer, extra: Partial<Files> = {}) => async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, name), content);
    return { folder, run: read({ folder, paths: [name], ...extra }) };
  };
  const good = '{"text":"good"}\n';
  const cut = (bytes: Buffer, by: number): Buffer => bytes.subarray(0, bytes.length - by);
  const cases: [string, () => Promise<{ folder: string; run: Promise<unknown> }>, string, string, RegExp][] = [
    ['a broken line', jsonl('a.jsonl', `${good}${good}{"text": "a" "b"}\n`), 'DataInvalid', 'a.jsonl:3', /no JSON/],
    ['a cut line', jsonl('a.jsonl', `${good}{"text": "a`), 'DataInvalid', 'a.jsonl:2', /no JSON/],
    ['a broken line in gzip', jsonl('a.jsonl.gz', gzipSync(`${good}oops\n`)), 'DataInvalid', 'a.jsonl.gz:2', /no JSON/],
    ['a line that is no object', jsonl('a.jsonl', `${good}[1]\n`), 'DataInvalid', 'a.jsonl:2', /a list, not an object/],
    ['a missing field', jsonl('a.jsonl', `${good}{"body":"x","title":"y"}\n`), 'DataInvalid', 'a.jsonl:2', /no field text; the line has body, title/],
    ['a number for text', jsonl('a.jsonl', `${good}{"text":7}\n`), 'DataInvalid', 'a.jsonl:2', /is a number, not a text/],
    ['a missing id', jsonl('a.jsonl', good, { idColumn: 'key' }), 'DataInvalid', 'a.jsonl:1', /key is missing, not an id/],
    ['no UTF-8', jsonl('a.jsonl', Buffer.concat([Buffer.from(good), Buffer.from([0x22, 0xff, 0xfe])])), 'DataInvalid', 'a.jsonl:2', /not UTF-8/],
    ['truncated gzip', jsonl('a.jsonl.gz', cut(gzipSync(lines), 20)), 'DataCorrupt', 'a.jsonl.gz', /ends early/],
    ['no gzip', jsonl('a.jsonl.gz', good), 'DataCorrupt', 'a.jsonl.gz', /does not begin as gzip does, and its name ends in \.gz/],
    ['truncated zstd', jsonl('a.jsonl.zst', cut(Buffer.from(ZSTD, 'base64'), 20)), 'DataCorrupt', 'a.jsonl.zst', /ends early/],
    ['no zstd', jsonl('a.jsonl.zst', `${good}${good}`), 'DataCorrupt', 'a.jsonl.zst', /does not begin as zstd does, and its name ends in \.zst/],
    ['no Parquet', jsonl('a.parquet', good), 'DataCorrupt', 'a.parquet', /cannot be read as Parquet/],
    ['an unknown ending', jsonl('a.csv', good), 'DataInvalid', 'a.csv', /format cannot be told/],
  ];
  for (const [name, start, code, where, message] of cases) {
    test(name, async () => {
      const { folder, run } = await start();
      const error: unknown = await run.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
      expect((error as { where: string }).where.startsWith(path.join(folder, where))).toBe(true);
      expect((error as { fix: string }).fix).toMatch(/\w/);
    });
  }

  test('Parquet without the text column names the columns there', async () => {
    const folder = await temporaryFolder();
    await writeParquet({ file: path.join(folder, 'a.parquet'), schema: { body: { type: 'UTF8' }, n: { type: 'INT32' } }, rows: [{ body: 'x', n: 1 }] });
    await expect(read({ folder, paths: ['a.parquet'] })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('no column text; the file has body, n') as string });
    await expect(read({ folder, paths: ['a.parquet'], textColumn: 'n' })).rejects.toThrow(/column n holds a number, not text/);
  });

  test('no file, no match, a folder, nothing in it', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'sub'));
    await writeFile(path.join(folder, 'empty.jsonl'), '\n\n');
    await expect(read({ folder, paths: ['none.jsonl'] })).rejects.toMatchObject({ code: 'DataInvalid', where: 'data.sources[0].paths', message: expect.stringContaining('none.jsonl') as string });
    await expect(read({ folder, paths: ['*.parquet'] })).rejects.toThrow(/no file matches/);
    await expect(read({ folder, paths: ['sub'] })).rejects.toMatchObject({ code: 'DataInvalid', where: 'data.sources[0].paths', message: expect.stringContaining('sub holds no jsonl, parquet, text file') as string });
    await expect(read({ folder, paths: ['empty.jsonl'] })).rejects.toThrow(/there is no text in/);
  });

  test('two sources of one name, the demo beside others', () => {
    const mine = sourceSchema.parse({ type: 'files', name: 'mine', paths: ['a'] });
    expect(() => openSources({ sources: [mine, mine] }, '/')).toThrow(/two sources are called mine/);
    expect(() => openSources({ sources: [mine, sourceSchema.parse({ type: 'demo' })] }, '/')).toThrow(/stands alone/);
  });
});
