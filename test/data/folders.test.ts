import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { heldOutSchema, sourceSchema } from '../../config/sections/data.js';
import { openHeldOut, openSources, type Document } from '../../lib/data/index.js';
import { collect, temporaryFolder } from './temporary.js';

/** Files by path; a text is its own name. */
async function folderOf(names: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    const content = /\.jsonl?(\.gz)?$/.test(name) ? JSON.stringify({ text: name }) : name;
    await writeFile(path.join(folder, name), name.endsWith('.gz') ? gzipSync(content) : content);
  }
  return folder;
}

async function texts(folder: string, config: Record<string, unknown> = {}): Promise<string[]> {
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name: 'mine', paths: ['corpus'], ...config })] }, folder);
  return ((await collect(source.documents())) as Document[]).map(({ text }) => text);
}

const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((read) => ({ read }), (error: unknown) => error);

describe('a folder as a path', () => {
  test('of texts: each file below it is a document, sorted by path; what tells about them is none', async () => {
    const folder = await folderOf(['corpus/b.txt', 'corpus/a/2.md', 'corpus/a/1.txt.gz', 'corpus/README.md', 'corpus/LICENSE.txt', 'corpus/.git/x.txt', 'corpus/_SUCCESS', 'corpus/picture.png', 'corpus/test.txt', 'corpus/train.txt']);
    expect(await texts(folder)).toEqual(['corpus/a/1.txt.gz', 'corpus/a/2.md', 'corpus/b.txt', 'corpus/test.txt', 'corpus/train.txt']);
    expect(await texts(folder, { paths: ['corpus/'] })).toHaveLength(5);
  });

  test('of the hub’s layout: the one split there is, or the one that is named', async () => {
    const parts = ['corpus/data/train-00000-of-00002.jsonl', 'corpus/data/train-00001-of-00002.jsonl'];
    const info = ['corpus/README.md', 'corpus/dataset_infos.json', 'corpus/.gitattributes'];
    expect(await texts(await folderOf([...parts, ...info]))).toEqual(parts);
    const several = await folderOf([...parts, 'corpus/data/validation-00000-of-00001.jsonl', 'corpus/data/extra_split-00000-of-00001.jsonl', ...info]);
    expect(await failure(texts(several))).toMatchObject({
      code: 'DataInvalid',
      where: 'data.sources[0].paths',
      message: expect.stringMatching(/holds several splits: extra_split \(1 file\), train \(2 files\), validation \(1 file\)/) as string,
      fix: 'set split: train beside it',
    });
    expect(await texts(several, { split: 'train' })).toEqual(parts);
    expect(await texts(several, { split: 'extra_split' })).toHaveLength(1);
    expect(await failure(texts(several, { split: 'test' }))).toMatchObject({ message: expect.stringContaining('no file of split test, but of extra_split (1 file), train') as string, fix: 'set split to extra_split or train or validation' });
  });

  test('other names of splits: folders, C4’s, files of one word', async () => {
    expect(await texts(await folderOf(['corpus/train/a.jsonl', 'corpus/test/b.jsonl']), { split: 'train' })).toEqual(['corpus/train/a.jsonl']);
    const c4 = ['corpus/en/c4-train.00000-of-00002.json.gz', 'corpus/en/c4-train.00001-of-00002.json.gz'];
    expect(await texts(await folderOf([...c4, 'corpus/en/c4-validation.00000-of-00001.json.gz']), { split: 'train' })).toEqual(c4);
    expect(await failure(texts(await folderOf(['corpus/train.jsonl', 'corpus/dev.jsonl'])))).toMatchObject({ message: expect.stringContaining('validation (1 file), train (1 file)') as string });
    expect(await failure(texts(await folderOf(['corpus/pages.jsonl', 'corpus/test.jsonl'])))).toMatchObject({ message: expect.stringContaining('files of a split beside 1 of none: test (1 file)') as string, fix: 'name the files that are meant with a glob' });
    expect(await failure(texts(await folderOf(['corpus/train/a.txt', 'corpus/test/b.txt'])))).toMatchObject({ message: expect.stringContaining('several splits') as string });
    // Spark's folder of JSON lines, with its checksums
    expect(await texts(await folderOf(['corpus/part-00000-1f.json', 'corpus/.part-00000-1f.json.crc', 'corpus/_SUCCESS']))).toEqual(['corpus/part-00000-1f.json']);
  });

  test('links are followed, as in the hub’s cache', async () => {
    const folder = await folderOf(['blobs/0a1b', 'other/x.txt']);
    await mkdir(path.join(folder, 'corpus'));
    await symlink('../blobs/0a1b', path.join(folder, 'corpus/a.txt'));
    await symlink('../other', path.join(folder, 'corpus/sub'));
    expect(await texts(folder)).toEqual(['blobs/0a1b', 'other/x.txt']);
  });

  test('of several formats, of none, empty: one error each', async () => {
    const mixed = await folderOf(['corpus/a.jsonl', 'corpus/b.txt']);
    expect(await failure(texts(mixed))).toMatchObject({ message: expect.stringContaining('several formats: jsonl (1 file), text (1 file)') as string, fix: 'set format beside it, or name the files with a glob' });
    expect(await texts(mixed, { format: 'text' })).toEqual(['corpus/b.txt']);
    expect(await failure(texts(await folderOf(['corpus/a.png'])))).toMatchObject({ code: 'DataInvalid', where: 'data.sources[0].paths', message: expect.stringContaining('corpus holds no jsonl, parquet, text file') as string });
    expect(await failure(texts(mixed, { paths: ['corpus/a.jsonl'], split: 'train' }))).toMatchObject({ message: expect.stringContaining('split train is of a folder, and no path is one') as string });
  });

  test('held-out documents too, with their ids', async () => {
    const folder = await folderOf(['held/validation-00000-of-00001.jsonl', 'held/train-00000-of-00001.jsonl']);
    const source = openHeldOut(heldOutSchema.parse({ source: { type: 'files', paths: ['held'], split: 'validation', idColumn: 'text' } }), folder);
    expect(await collect(source.documents())).toEqual([{ id: 'held/validation-00000-of-00001.jsonl', source: 'held-out', text: 'held/validation-00000-of-00001.jsonl' }]);
  });
});

describe('weight', () => {
  const take = async (weight: number | undefined, seed = '0', name = 'mine') => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'a.jsonl'), Array.from({ length: 4_000 }, (_, i) => JSON.stringify({ text: `text ${i}`, id: i })).join('\n'));
    const [source] = openSources({ sources: [sourceSchema.parse({ type: 'files', name, paths: ['a.jsonl'], idColumn: 'id', ...(weight === undefined ? {} : { weight }) })] }, folder, seed);
    const documents = (await collect(source.documents())) as Document[];
    expect(source.progress()).toBe(1);
    expect(new Set(documents.map(({ id }) => id)).size).toBe(documents.length);
    return documents;
  };
  const ids = (documents: readonly Document[]): string[] => documents.map(({ id }) => id);

  test('below 1: a uniform part of that size, its own for every seed and source', async () => {
    const half = ids(await take(0.5));
    // σ = √(4,000/4) = 32
    expect(Math.abs(half.length - 2_000)).toBeLessThan(130);
    expect(ids(await take(0.5))).toEqual(half);
    // σ of the number in both is 27 around 1,000
    for (const other of [await take(0.5, '1'), await take(0.5, '0', 'other')]) expect(Math.abs(ids(other).filter((id) => half.includes(id)).length - 1_000)).toBeLessThan(130);
    // a smaller part is within the larger
    expect(ids(await take(0.25)).every((id) => half.includes(id))).toBe(true);
    expect(Math.abs(half.filter((id) => Number(id) < 2_000).length - 1_000)).toBeLessThan(130);
  });

  test('above 1: all again, with ids of their own', async () => {
    const once = await take(undefined);
    expect(await take(1)).toEqual(once);
    const more = await take(2.5);
    expect(more.slice(0, 4_000)).toEqual(once);
    expect(more.slice(4_000, 8_000)).toEqual(once.map((document) => ({ ...document, id: `${document.id}#2` })));
    expect(Math.abs(more.length - 10_000)).toBeLessThan(130);
    expect(more.slice(8_000).every(({ id }) => id.endsWith('#3'))).toBe(true);
  });
});

test('fields that are not given are absent, so that finished stages are found', () => {
  expect(sourceSchema.parse({ type: 'files', name: 'mine', paths: ['a'] })).toEqual({ type: 'files', name: 'mine', paths: ['a'], format: 'auto', textColumn: 'text' });
  expect(heldOutSchema.parse({ source: { type: 'files', paths: ['a'] } }).source).toEqual({ type: 'files', paths: ['a'], format: 'auto', textColumn: 'text' });
});
