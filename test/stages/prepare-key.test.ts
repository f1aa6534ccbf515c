import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withEarlierCorpora } from '../../cli/submit/earlier-corpora.js';
import { differences, differenceText } from '../../cli/plan/differences.js';
import { loadConfig } from '../../config/index.js';
import { fileBlobs, heldBy, hold, KEPT, openStore } from '../../lib/artifacts/index.js';
import { openHome } from '../../lib/home.js';
import { keyContent, stageKey } from '../../lib/stages/execution/execute.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import { prepare } from '../../lib/stages/prepare.js';
import type { PrepareInput } from '../../lib/stages/types.js';
import type { PipelineInput } from '../../workflows/types.js';

async function place(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bliss-prepare-key-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

const CORPUS = { 'corpus/web/a.jsonl': '{"text":"a"}', 'corpus/web/b.jsonl': '{"text":"b"}', 'corpus/one.txt': 'c', 'held/h.txt': 'h', 'tokenizer.json': '{}' };

function inputOf(configFolder: string, { root = '.', globs }: { readonly root?: string; readonly globs?: readonly string[] } = {}): PrepareInput {
  const sources = [{ type: 'files', name: 'web', paths: globs ?? [`${root}/corpus/**/*.jsonl`, `${root}/corpus/one.txt`] }];
  const overrides = [`data.sources=${JSON.stringify(sources)}`, `heldOut.source={type: files, paths: [${root}/held]}`, `tokenizer={type: file, path: ${root}/tokenizer.json}`];
  const { config } = loadConfig({ source: 'smoke', overrides, cwd: configFolder });
  return { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder };
}
const keyOf = (input: PrepareInput): Promise<string> => stageKey(prepare, { input, scope: '' });
const contentOf = (input: PrepareInput) => keyContent(prepare, { input, scope: '' });

describe('places are no part of the key of a corpus', () => {
  test('moved as a whole it is found, from wherever it is named', async () => {
    const folder = await place();
    write(path.join(folder, 'here'), CORPUS);
    const key = await keyOf(inputOf(path.join(folder, 'here')));
    expect(await keyOf(inputOf(folder, { root: 'here' }))).toBe(key);
    expect(await keyOf(inputOf('/', { root: path.join(folder, 'here') }))).toBe(key);
    renameSync(path.join(folder, 'here'), path.join(folder, 'there'));
    expect(await keyOf(inputOf(folder, { root: 'there' }))).toBe(key);
    // the same files by another pattern are the same corpus
    expect(await keyOf(inputOf(folder, { root: 'there', globs: ['there/corpus/*/?.jsonl', 'there/corpus/one.*'] }))).toBe(key);
  });

  test('with a file renamed, changed, added, taken away or in another order it is another, and a plan says which', async () => {
    const folder = await place();
    write(folder, CORPUS);
    const before = await contentOf(inputOf(folder));
    const told = async (globs?: string[]): Promise<string> => {
      const content = await contentOf(inputOf(folder, globs === undefined ? {} : { globs }));
      return differenceText(differences(before, content).map((one) => ({ ...one, field: one.field.replace(/^(input|parts)\./, '') })));
    };
    expect(await told()).toBe('');
    expect(await told(['corpus/one.txt', 'corpus/**/*.jsonl'])).toMatch(/^files\.sources\.web \["web\/a\.jsonl",\S+ → \["one\.txt",\S+$/);
    expect(await told(['corpus/web/*.jsonl', 'corpus/one.txt'])).toBe('files.sources.web "web/a.jsonl" → "a.jsonl"; files.sources.web "web/b.jsonl" → "b.jsonl"');
    renameSync(path.join(folder, 'corpus/web/a.jsonl'), path.join(folder, 'corpus/web/c.jsonl'));
    expect(await told()).toBe('files.sources.web "web/a.jsonl" → "web/c.jsonl"');
    write(folder, { 'corpus/web/a.jsonl': '{"text":"another"}' });
    expect(await told()).toBe('another files.sources.web.web/a.jsonl; files.sources.web absent → "web/c.jsonl"');
    await rm(path.join(folder, 'corpus/web/c.jsonl'));
    await rm(path.join(folder, 'corpus/web/b.jsonl'));
    expect(await told()).toBe('another files.sources.web.web/a.jsonl; files.sources.web "web/b.jsonl" → absent');
  });

  test('what another version of the stage made is told first', () => {
    expect(differenceText(differences({ a: 1, version: 1 }, { a: 2, version: 2 }))).toBe('version 1 → 2; a 1 → 2');
  });
});

describe('a run that prepared its corpus under an earlier version', () => {
  async function home(stageVersion: number) {
    const folder = await place();
    const at = openHome(path.join(folder, 'home'));
    const { config } = loadConfig({ source: 'smoke', overrides: ['seeds=[0, 1]'], cwd: folder });
    const input: PipelineInput = { run: 'mine', config, configFolder: folder, scope: '' };
    const store = openStore({ blobs: fileBlobs({ root: at.store }) });
    mkdirSync(at.run('mine').root, { recursive: true });
    mkdirSync(path.join(at.root, 'scratch'), { recursive: true });
    const made = path.join(folder, 'made');
    write(made, { 'corpus.json': '{}' });
    const corpus = await store.publish({ kind: 'corpus', folder: made, digest: 'ab', lineage: { stage: 'prepare', stageVersion, inputs: {} }, summary: { shards: [1, 1] } });
    const line = (stage: string, state: string): void => appendFileSync(at.run('mine').timings, `${JSON.stringify({ stage, attempt: 1, state, seconds: 1, step: 1, artifact: corpus.uri })}\n`);
    return { at, input, store, corpus, line };
  }

  test('goes on with it when it is started again, and garbage collection keeps it', async () => {
    const { at, input, store, corpus, line } = await home(1);
    expect(await withEarlierCorpora({ home: at, input })).toBeUndefined();
    line('seed-0/prepare', 'done');
    line('seed-1/prepare', 'failed');
    const known = await withEarlierCorpora({ home: at, input });
    if (known === undefined) throw new Error('nothing is known');
    expect(await readFinishedStages({ store, ref: known })).toEqual([{ stage: 'seed-0/prepare', name: 'prepare', seed: 0, arm: null, round: null, results: [{ ref: { ...corpus, size: expect.any(Number) as number }, summary: { shards: [1, 1] }, cached: true }] }]);
    expect(await heldBy({ blobs: store.blobs, run: 'mine' })).toMatchObject([{ stage: KEPT, uri: known.uri }]);
    // what it took over from another run stays
    line('seed-1/prepare', 'cached');
    const both = await withEarlierCorpora({ home: at, input: { ...input, known } });
    if (both === undefined) throw new Error('nothing is known');
    expect((await readFinishedStages({ store, ref: both })).map(({ stage }) => stage)).toEqual(['seed-0/prepare', 'seed-1/prepare']);
  });

  test('goes on with it by what the store holds, where the line that said so is lost', async () => {
    const { at, input, store, corpus } = await home(1);
    await hold({ blobs: store.blobs, run: 'mine', stage: 'seed-1/prepare', ref: corpus });
    const known = await withEarlierCorpora({ home: at, input });
    if (known === undefined) throw new Error('nothing is known');
    expect((await readFinishedStages({ store, ref: known })).map(({ stage }) => stage)).toEqual(['seed-1/prepare']);
  });

  test('goes on with sets that were dealt in turn though they are of several sizes; as many in each have the key that they had', async () => {
    const { at, input, store, line } = await home(prepare.version);
    line('seed-0/prepare', 'done');
    const uneven = { ...input, config: { ...input.config, heldOut: { ...input.config.heldOut, validation: 64 } } };
    const known = await withEarlierCorpora({ home: at, input: uneven });
    if (known === undefined) throw new Error('nothing is known');
    expect((await readFinishedStages({ store, ref: known })).map(({ stage }) => stage)).toEqual(['seed-0/prepare']);
    const folder = await place();
    write(folder, CORPUS);
    const even = inputOf(folder);
    expect((await contentOf(even)).input).not.toHaveProperty('dealt');
    expect((await contentOf({ ...even, heldOut: { ...even.heldOut, test: 7 } })).input).toMatchObject({ dealt: 'by size' });
  });

  test('of today’s version it is found by its key; one that was removed is prepared anew', async () => {
    const today = await home(prepare.version);
    today.line('seed-0/prepare', 'done');
    expect(await withEarlierCorpora({ home: today.at, input: today.input })).toBeUndefined();
    const { at, input, line } = await home(1);
    line('seed-0/prepare', 'done');
    await rm(at.store, { recursive: true });
    expect(await withEarlierCorpora({ home: at, input })).toBeUndefined();
    expect(await heldBy({ blobs: fileBlobs({ root: at.store }), run: 'mine' })).toEqual([]);
  });
});
