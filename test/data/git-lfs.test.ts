import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { dataSchema, heldOutSchema, sourceSchema } from '../../config/sections/data.js';
import { loadTokenizer, openSources, readRowIds, rowIdFiles } from '../../lib/data/index.js';
import { checkSourceFiles } from '../../lib/data/sources/index.js';
import { readItems, taskByName } from '../../lib/evaluation/index.js';
import { openHuggingFace } from '../../lib/models/index.js';
import { collect, temporaryFolder } from './temporary.js';

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n';
const FIXTURES = path.resolve('test/fixtures');

async function folderWith(...names: string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of names) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), POINTER);
  }
  return folder;
}

const told = (file: string): unknown => ({ code: 'DataInvalid', where: file, message: expect.stringContaining('a pointer of Git LFS') as string, fix: 'fetch it by `git lfs pull` in its repository' });
const failure = (reading: Promise<unknown>): Promise<unknown> => reading.then((read) => ({ read }), (error: unknown) => error);

test.each(['a.jsonl', 'a.jsonl.gz', 'a.jsonl.zst', 'a.txt', 'a.parquet'])('a file of texts: %s, before a run and when it is read', async (name) => {
  const folder = await folderWith(name);
  const { sources } = dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'files', name: 'mine', paths: [name] }] });
  expect(await failure(checkSourceFiles({ data: { sources }, heldOut: heldOutSchema.parse({ source: { type: 'demo' } }), configFolder: folder }))).toMatchObject(told(path.join(folder, name)) as object);
  expect(await failure(collect(openSources({ sources }, folder)[0].documents()))).toMatchObject(told(path.join(folder, name)) as object);
});

test.each(['a.jsonl', 'a.parquet', 'a.bin'])('a file of tokens: %s', async (name) => {
  const folder = await folderWith(name);
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', paths: [name] })] }, folder);
  expect(await failure(collect(source.documents({ size: 100, endOfText: 0 })))).toMatchObject(told(path.join(folder, name)) as object);
});

test('the index of litdata', async () => {
  const folder = await folderWith('index.json');
  await copyFile(path.join(FIXTURES, 'litdata/chunk-0-0.bin'), path.join(folder, 'chunk-0-0.bin'));
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', paths: ['chunk-0-0.bin'] })] }, folder);
  expect(await failure(collect(source.documents({ size: 100, endOfText: 0 })))).toMatchObject(told(path.join(folder, 'index.json')) as object);
});

test('the index of a pair of Megatron’s', async () => {
  const folder = await folderWith('a.idx');
  await writeFile(path.join(folder, 'a.bin'), Buffer.alloc(64));
  const [source] = openSources({ sources: [sourceSchema.parse({ type: 'tokens', name: 'mine', paths: ['a.bin'] })] }, folder);
  expect(await failure(collect(source.documents({ size: 100, endOfText: 0 })))).toMatchObject(told(path.join(folder, 'a.idx')) as object);
});

test('held-out texts', async () => {
  const folder = await folderWith('held/h.jsonl');
  expect(await failure(checkSourceFiles({ data: { sources: [] }, heldOut: heldOutSchema.parse({ source: { type: 'files', paths: ['held'] } }), configFolder: folder }))).toMatchObject(told(path.join(folder, 'held/h.jsonl')) as object);
});

test('a tokenizer', async () => {
  const folder = await folderWith('tokenizer.json');
  expect(await failure(loadTokenizer(path.join(folder, 'tokenizer.json')))).toMatchObject(told(path.join(folder, 'tokenizer.json')) as object);
});

test('weights, and what tells of them', async () => {
  const weights = await folderWith('model.safetensors');
  await copyFile(path.join(FIXTURES, 'tiny-neox/config.json'), path.join(weights, 'config.json'));
  expect(await failure(openHuggingFace(weights))).toMatchObject(told(path.join(weights, 'model.safetensors')) as object);
  const index = await folderWith('model.safetensors.index.json');
  await copyFile(path.join(FIXTURES, 'tiny-neox/config.json'), path.join(index, 'config.json'));
  expect(await failure(openHuggingFace(index))).toMatchObject(told(path.join(index, 'model.safetensors.index.json')) as object);
  const config = await folderWith('config.json');
  expect(await failure(openHuggingFace(config))).toMatchObject(told(path.join(config, 'config.json')) as object);
});

test('items of tasks, and their labels', async () => {
  const task = taskByName('piqa');
  for (const name of ['piqa.jsonl', 'piqa.parquet']) {
    const folder = await folderWith(name);
    expect(await failure(readItems({ task, path: name, folder, field: 'tasks' }))).toMatchObject(told(path.join(folder, name)) as object);
  }
  const folder = await folderWith('valid-labels.lst');
  await copyFile(path.join(FIXTURES, 'lm-eval/piqa/valid.jsonl'), path.join(folder, 'valid.jsonl'));
  expect(await failure(readItems({ task, path: 'valid.jsonl', folder, field: 'tasks' }))).toMatchObject(told(path.join(folder, 'valid-labels.lst')) as object);
});

test.each(['ids.txt', 'ids.jsonl', 'ids.parquet'])('ids of rows: %s', async (name) => {
  const folder = await folderWith(name);
  expect(await failure(rowIdFiles({ path: name, folder }).then(readRowIds))).toMatchObject(told(path.join(folder, name)) as object);
});
