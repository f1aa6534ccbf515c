import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceSchema } from '../../config/sections/data.js';
import { openSources } from '../../lib/data/index.js';
import { collect, temporaryFolder } from './temporary.js';

const END = 9;

async function read(folder: string, config: Record<string, unknown> = { paths: ['corpus.bin'] }) {
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', ...config })] }, folder);
  return (await collect(source.documents({ size: 500, endOfText: END }))).map((document) => ({ id: document.id, tokens: 'tokens' in document ? [...document.tokens] : [] }));
}
const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((documents) => ({ documents }), (error: unknown) => error);

/** type of ids by numpy's name → Megatron's number and bytes an id */
const TYPES = { uint8: [1, 1], int8: [2, 1], int16: [3, 2], int32: [4, 4], int64: [5, 8], float64: [6, 8], float32: [7, 4], uint16: [8, 2] } as const;
type Type = keyof typeof TYPES;

interface Pair {
  readonly bin: Buffer;
  readonly idx: Buffer;
}

/** Documents of sequences of ids as Megatron's MMapIndexedDatasetBuilder writes them: `struct '<QBQQ'`, then int32 sizes, int64 pointers, int64 document indices. */
function megatron(documents: readonly (readonly (readonly number[])[])[], type: Type = 'uint16', { version = 1n, modes = false } = {}): Pair {
  const [code, width] = TYPES[type];
  const sequences = documents.flat();
  const bin = Buffer.alloc(width * sequences.flat().length);
  for (const [i, id] of sequences.flat().entries()) bin.writeUIntLE(id, i * width, Math.min(width, 6));
  const head = Buffer.alloc(34);
  head.write('MMIDIDX', 'latin1');
  head.writeBigUInt64LE(version, 9);
  head.writeUInt8(code, 17);
  head.writeBigUInt64LE(BigInt(sequences.length), 18);
  head.writeBigUInt64LE(BigInt(documents.length + 1), 26);
  const sizes = Buffer.concat(sequences.map(({ length }) => Buffer.from(Int32Array.of(length).buffer)));
  let ids = 0;
  const pointers = sequences.map(({ length }) => (ids += length) - length).map((start) => BigInt(start * width));
  let ended = 0;
  const ends = [0n, ...documents.map(({ length }) => BigInt((ended += length)))];
  const bytesOf = (values: readonly bigint[]): Buffer => Buffer.from(BigInt64Array.from(values).buffer);
  return { bin, idx: Buffer.concat([head, sizes, bytesOf(pointers), bytesOf(ends), Buffer.alloc(modes ? sequences.length : 0)]) };
}

async function folderOf({ bin, idx }: Pair, name = 'corpus'): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, `${name}.bin`), bin);
  await writeFile(path.join(folder, `${name}.idx`), idx);
  return folder;
}

/** three sentences in a document, one in the next with an end of text within it, none in the third, one ended already */
const documents = [[[1, 2], [3], [4, 5, 6]], [[7, END, 8]], [], [[10, 11, END]]];
const expected = [
  { id: 'corpus.bin:0', tokens: [1, 2, 3, 4, 5, 6, END] },
  { id: 'corpus.bin:6', tokens: [7, END, 8, END] },
  { id: 'corpus.bin:9', tokens: [10, 11, END] },
];

describe('Megatron’s pair of .bin and .idx', () => {
  test('documents end where the index says, whatever ids are in them', async () => {
    for (const type of ['uint8', 'int8', 'int16', 'int32', 'int64', 'uint16'] as const) expect(await read(await folderOf(megatron(documents, type))), type).toEqual(expected);
    expect(await read(await folderOf(megatron(documents, 'uint16', { modes: true })))).toEqual(expected);
  });

  test('with endOfText: inside nothing is added', async () => {
    expect((await read(await folderOf(megatron(documents)), { paths: ['corpus.bin'], endOfText: 'inside' })).map(({ tokens }) => tokens)).toEqual([[1, 2, 3, 4, 5, 6], [7, END, 8], [10, 11, END]]);
  });

  test('is found in a folder, and more documents than are read at a time', async () => {
    const many = Array.from({ length: 70_000 }, (_, i) => (i % 1_000 === 0 ? [] : [[1 + (i % 400), 2]]));
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'd'));
    const { bin, idx } = megatron(many, 'int32');
    await writeFile(path.join(folder, 'd/part_text_document.bin'), bin);
    await writeFile(path.join(folder, 'd/part_text_document.idx'), idx);
    const found = await read(folder, { paths: ['d'] });
    expect(found.map(({ tokens }) => tokens)).toEqual(many.flat().map((ids) => [...ids, END]));
  });

  test('a .bin without an .idx is flat ids as before', async () => {
    const folder = await folderOf(megatron(documents));
    await rm(path.join(folder, 'corpus.idx'));
    expect((await read(folder)).map(({ tokens }) => tokens)).toEqual([[1, 2, 3, 4, 5, 6, 7, END], [8, 10, 11, END]]);
  });

  test('the index is part of what the corpus is made of', async () => {
    const folder = await folderOf(megatron(documents));
    const inputs = async () => {
      const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', paths: ['corpus.bin'] })] }, folder);
      return source.inputs();
    };
    const before = await inputs();
    expect(before).toHaveLength(2);
    await writeFile(path.join(folder, 'corpus.idx'), megatron([documents.flat()]).idx);
    expect(await inputs()).not.toEqual(before);
  });
});

describe('what is not Megatron’s is refused by name', () => {
  const good = megatron(documents);
  const change = (at: number, value: number): Pair => {
    const idx = Buffer.from(good.idx);
    idx.writeUInt8(value, at);
    return { ...good, idx };
  };
  const cases: [string, Pair, string, RegExp][] = [
    ['fairseq’s old index', { ...good, idx: Buffer.concat([Buffer.from('TNTIDX\0\0'), Buffer.alloc(100)]) }, 'DataInvalid', /fairseq’s old form \(TNTIDX\)/],
    ['another index', { ...good, idx: Buffer.from('something else, and long enough to be one') }, 'DataInvalid', /not Megatron’s \(it does not begin with MMIDIDX\)/],
    ['another version', megatron(documents, 'uint16', { version: 2n }), 'DataInvalid', /of version 2; version 1 is read/],
    ['double floats', megatron(documents, 'float64'), 'DataInvalid', /ids of type 6, floats/],
    ['floats', megatron(documents, 'float32'), 'DataInvalid', /ids of type 7, floats/],
    ['a type of nobody', change(17, 99), 'DataInvalid', /ids of type 99;/],
    ['an index cut off', { ...good, idx: good.idx.subarray(0, -3) }, 'DataCorrupt', /tells of 5 sequences and 4 documents, and \d+ bytes are not as many/],
    ['its header cut off', { ...good, idx: good.idx.subarray(0, 20) }, 'DataCorrupt', /header of the index is cut off/],
    ['a .bin cut off', { ...good, bin: good.bin.subarray(0, -2) }, 'DataCorrupt', /last sequence ends at byte 24, the .bin beside it at 22/],
    ['a .bin of another index', { ...good, bin: Buffer.concat([good.bin, good.bin]) }, 'DataCorrupt', /last sequence ends at byte 24, the .bin beside it at 48/],
    ['sizes that do not follow one another', change(34, 1), 'DataCorrupt', /sequence 1 does not begin where the one before ends/],
    ['documents that go back', change(good.idx.length - 16, 0), 'DataCorrupt', /its documents end at sequence 0 after 4/],
    ['documents that leave sequences out', change(good.idx.length - 8, 4), 'DataCorrupt', /its first 4 sequences have 18 bytes, the .bin beside it has 24/],
  ];
  test.each(cases)('%s', async (_, pair, code, message) => {
    const folder = await folderOf(pair);
    expect(await failure(read(folder))).toMatchObject({ code, where: path.join(folder, 'corpus.idx'), message: expect.stringMatching(message) as string, fix: expect.stringMatching(/\S/) as string });
  });

  test('the .idx itself, and a packed .bin', async () => {
    const folder = await folderOf(good);
    expect(await failure(read(folder, { paths: ['corpus.idx'] }))).toMatchObject({ code: 'DataInvalid', where: path.join(folder, 'corpus.idx'), fix: expect.stringContaining('name the .bin in data.sources[0].paths') as string });
    await writeFile(path.join(folder, 'packed.bin.gz'), good.bin);
    expect(await failure(read(folder, { paths: ['packed.bin.gz'] }))).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('a packed .bin is not read') as string, fix: expect.stringContaining('unpack it') as string });
  });
});
