import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openSources, writeParquet } from '../../lib/data/index.js';
import { collect, temporaryFolder } from './temporary.js';

const END = 9;
const litdata = path.join(import.meta.dirname, '../fixtures/litdata');

async function read(folder: string, config: Record<string, unknown>, size = 500) {
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', ...config })] }, folder);
  return (await collect(source.documents({ size, endOfText: END }))).map((document) => ({ id: document.id, tokens: 'tokens' in document ? [...document.tokens] : [] }));
}
const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((documents) => ({ documents }), (error: unknown) => error);

async function bin(name: string, bytes: Uint8Array): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, name), bytes);
  return folder;
}
function bytesOf(ids: readonly number[], width: 2 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(ids.length * width);
  for (const [i, id] of ids.entries()) {
    if (width === 2) bytes.writeUInt16LE(id, 2 * i);
    else if (width === 4) bytes.writeInt32LE(id | 0, 4 * i);
    else bytes.writeBigInt64LE(BigInt(id), 8 * i);
  }
  return bytes;
}

const stream = [1, 2, END, 3, END, END, 4, 5, 6];
const documents = [
  { id: 'train.bin:0', tokens: [1, 2, END] },
  { id: 'train.bin:3', tokens: [3, END] },
  { id: 'train.bin:6', tokens: [4, 5, 6] },
];

describe('.bin', () => {
  test('of nanoGPT: flat ids, uint16 and uint32; an end of text ends a document, the last goes on in the next file', async () => {
    expect(await read(await bin('train.bin', bytesOf(stream, 2)), { paths: ['train.bin'] })).toEqual(documents);
    expect(await read(await bin('train.bin', bytesOf(stream, 4)), { paths: ['train.bin'], dtype: 'uint32' })).toEqual(documents);
    const large = await bin('train.bin', bytesOf([100_000, END], 4));
    expect(await read(large, { paths: ['train.bin'] }, 100_001)).toEqual([{ id: 'train.bin:0', tokens: [100_000, END] }]);
  });

  test('without ends of text: pieces of 65,536', async () => {
    const ids = Array.from({ length: 150_000 }, (_, i) => (i % 7) + 1);
    const pieces = await read(await bin('train.bin', bytesOf(ids, 2)), { paths: ['train.bin'] });
    expect(pieces.map(({ id, tokens }) => [id, tokens.length])).toEqual([['train.bin:0', 65_536], ['train.bin:65536', 65_536], ['train.bin:131072', 18_928]]);
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual(ids);
  });

  test('of llm.c: a header of 256 int32', async () => {
    for (const [magic, width] of [[20240520, 2], [20240801, 4]] as const) {
      const header = Buffer.alloc(1_024);
      [magic, 1, stream.length].forEach((value, i) => header.writeInt32LE(value, 4 * i));
      const whole = Buffer.concat([header, bytesOf(stream, width)]);
      expect(await read(await bin('train.bin', whole), { paths: ['train.bin'] })).toEqual(documents);
      expect(await failure(read(await bin('train.bin', whole.subarray(0, -2)), { paths: ['train.bin'] }))).toMatchObject({ code: 'DataCorrupt', message: expect.stringMatching(/the header \(of llm.c's form\) tells of 9 uint(16|32) ids/) as string });
    }
  });

  test('of lit-gpt: packed chunks, padded with ends of text', async () => {
    const header = (code: number, tokens: number, version = 1n): Buffer => {
      const bytes = Buffer.alloc(24);
      bytes.write('LITPKDS', 0, 'latin1');
      bytes.writeBigUInt64LE(version, 7);
      bytes.writeUInt8(code, 15);
      bytes.writeBigUInt64LE(BigInt(tokens), 16);
      return bytes;
    };
    const padded = [...stream, END, END, END];
    const expected = [...documents.slice(0, 2), { id: 'train.bin:6', tokens: [4, 5, 6, END] }];
    for (const [code, width] of [[8, 2], [4, 4], [5, 8]] as const) {
      const whole = Buffer.concat([header(code, padded.length), bytesOf(padded, width)]);
      expect(await read(await bin('train.bin', whole), { paths: ['train.bin'] })).toEqual(expected);
      expect(await failure(read(await bin('train.bin', whole.subarray(0, -1)), { paths: ['train.bin'] }))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('12 ') as string });
    }
    expect(await failure(read(await bin('train.bin', Buffer.concat([header(6, 2), bytesOf([1, 2], 4)])), { paths: ['train.bin'] }))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('ids of type 6') as string });
    expect(await failure(read(await bin('train.bin', header(8, 2).subarray(0, 20)), { paths: ['train.bin'] }))).toMatchObject({ code: 'DataCorrupt', message: expect.stringContaining('header') as string });
  });

  test('of litgpt today: chunks of litdata, an item a document (by litdata 0.2.76 with TokensLoader)', async () => {
    const items = Array.from({ length: 12 }, (_, i) => Array.from({ length: 5 + i }, (__, j) => 3 * i + j)); // torch.arange(3i, 3i + 5 + i)
    // an item is one document, also with an end of text within it; one is added after it
    const ended = items.map((item) => (item.at(-1) === END ? item : [...item, END]));
    const chunks = await read(litdata, { paths: ['.'] });
    expect(chunks.map(({ tokens }) => tokens)).toEqual(ended);
    expect(chunks.slice(0, 2).map(({ id }) => id)).toEqual(['chunk-0-0.bin:0', 'chunk-0-0.bin:5']);

    const copy = async (change: (index: { chunks: { dim: number | null }[]; config: Record<string, unknown> }) => void): Promise<string> => {
      const folder = await temporaryFolder();
      await cp(litdata, folder, { recursive: true });
      const index = JSON.parse(await readFile(path.join(litdata, 'index.json'), 'utf8')) as Parameters<typeof change>[0];
      change(index);
      await writeFile(path.join(folder, 'index.json'), JSON.stringify(index));
      return folder;
    };
    const refused = async (change: Parameters<typeof copy>[0]) => failure(read(await copy(change), { paths: ['.'] }));
    expect(await refused((index) => void (index.config['compression'] = 'zstd'))).toMatchObject({ code: 'DataInvalid', where: expect.stringContaining('index.json') as string, message: expect.stringContaining('compressed') as string });
    expect(await refused((index) => void (index.config['data_format'] = ['pil']))).toMatchObject({ message: expect.stringContaining('not pil') as string, fix: expect.stringContaining('TokensLoader()') as string });
    expect(await refused((index) => void (index.chunks[0].dim = null))).toMatchObject({ message: expect.stringContaining('for another loader') as string });
    const alone = await copy(() => undefined);
    await rm(path.join(alone, 'index.json'));
    expect(await failure(read(alone, { paths: ['.'] }))).toMatchObject({ message: expect.stringContaining('no index.json beside it') as string });
    await cp(path.join(litdata, 'index.json'), path.join(alone, 'index.json'));
    await writeFile(path.join(alone, 'chunk-0-1.bin'), (await readFile(path.join(litdata, 'chunk-0-1.bin'))).subarray(0, 100));
    expect(await failure(read(alone, { paths: ['.'] }))).toMatchObject({ code: 'DataCorrupt', where: path.join(alone, 'chunk-0-1.bin'), message: expect.stringContaining('do not end where the file of 100 bytes does') as string });
  });

  test('what is wrong with one is an error with the fix', async () => {
    const fails = async (bytes: Uint8Array, config: Record<string, unknown> = {}) => failure(read(await bin('train.bin', bytes), { paths: ['train.bin'], ...config }));
    expect(await fails(bytesOf(stream, 2).subarray(1))).toMatchObject({ code: 'DataCorrupt', where: expect.stringMatching(/train\.bin$/) as string, message: expect.stringContaining('17 bytes are no whole number of uint16 ids') as string });
    expect(await fails(bytesOf([1, 2, 777, END], 2))).toMatchObject({ code: 'DataInvalid', where: expect.stringMatching(/train\.bin$/) as string, message: expect.stringContaining('id 2 is 777, models.vocabularySize 500 ends at 499') as string, fix: expect.stringContaining('raise models.vocabularySize') as string });
    expect(await fails(bytesOf(Array.from({ length: 50 }, (_, i) => i), 4))).toMatchObject({ message: expect.stringContaining('every second id is 0') as string, fix: 'set dtype: uint32' });
    expect(await fails(bytesOf([1, 2, 3, 4], 2), { dtype: 'uint32' })).toMatchObject({ message: expect.stringContaining('id 0 is 131073') as string, fix: expect.stringContaining('read as uint32') as string });
    expect(await fails(new Uint8Array(0))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('there is no token id in') as string });
  });
});

describe('lists', () => {
  test('of JSON lines: an end of text is added where there is none, and not inside a stream', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl'), [{ input_ids: [1, 2], id: 'x' }, { input_ids: [] }, { input_ids: null }, { input_ids: [3, END], id: 'y' }].map((record) => JSON.stringify({ id: '', ...record })).join('\n'));
    expect(await read(folder, { paths: ['a.jsonl'], idColumn: 'id' })).toEqual([{ id: 'x', tokens: [1, 2, END] }, { id: 'y', tokens: [3, END] }]);
    expect(await read(folder, { paths: ['a.jsonl'], endOfText: 'inside' })).toEqual([{ id: 'a.jsonl:1', tokens: [1, 2] }, { id: 'a.jsonl:4', tokens: [3, END] }]);
  });

  const cases: [string, unknown, RegExp, RegExp][] = [
    ['an id beyond the vocabulary', { input_ids: [1, 500] }, /entry 1 of input_ids is 500, models\.vocabularySize 500 ends at 499/, /raise models\.vocabularySize to at least 501/],
    ['a negative id', { input_ids: [-1] }, /entry 0 of input_ids is -1, no token id/, /at least 0/],
    ['a fraction', { input_ids: [1.5] }, /is 1\.5, no token id/, /at least 0/],
    ['a null', { input_ids: [1, null] }, /entry 1 of input_ids is null, not a token id/, /integers only/],
    ['a text', { input_ids: '1 2' }, /field input_ids holds a string, not a list/, /type files if it is text/],
    ['another field', { ids: [1] }, /no field input_ids; the line has ids/, /set idsColumn/],
  ];
  test.each(cases)('%s names line and fix', async (_, record, message, fix) => {
    const folder = await bin('a.jsonl', Buffer.from(`{"input_ids":[1]}\n${JSON.stringify(record)}\n`));
    expect(await failure(read(folder, { paths: ['a.jsonl'] }))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'a.jsonl:2'), message: expect.stringMatching(message) as string, fix: expect.stringMatching(fix) as string });
  });

  test('Parquet without the column, or with another type', async () => {
    const folder = await temporaryFolder();
    await writeParquet({ file: path.join(folder, 'a.parquet'), schema: { text: { type: 'UTF8' } }, rows: [{ text: 'x' }] });
    expect(await failure(read(folder, { paths: ['a.parquet'] }))).toMatchObject({ message: expect.stringContaining('there is no column input_ids; the file has text') as string, fix: 'set idsColumn to the column with the token ids' });
    expect(await failure(read(folder, { paths: ['a.parquet'], idsColumn: 'text' }))).toMatchObject({ where: path.join(folder, 'a.parquet:1'), message: expect.stringContaining('column text holds a string, not a list of token ids') as string });
  });

  test('a folder of both kinds is ambiguous; text is none of them', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'd'));
    await writeFile(path.join(folder, 'd/a.jsonl'), '{"input_ids":[1]}');
    await writeFile(path.join(folder, 'd/b.bin'), bytesOf([1], 2));
    await writeFile(path.join(folder, 'c.txt'), 'text');
    expect(await failure(read(folder, { paths: ['d'] }))).toMatchObject({ where: 'data.sources[0].paths', message: expect.stringContaining('jsonl (1 file), bin (1 file)') as string });
    expect(await read(folder, { paths: ['d'], format: 'bin' })).toEqual([{ id: 'b.bin:0', tokens: [1] }]);
    expect(await failure(read(folder, { paths: ['c.txt'] }))).toMatchObject({ message: expect.stringContaining('format cannot be told') as string, fix: expect.stringContaining('jsonl, parquet or bin') as string });
  });
});
