import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkInputs } from '../../../cli/inputs/check-inputs.js';
import { checkNotices } from '../../../cli/inputs/check-notices.js';
import { writeJson } from '../../../cli/runs.js';
import { loadConfig } from '../../../config/index.js';
import { openHome } from '../../../lib/home.js';
import { createModel, writeHuggingFace } from '../../../lib/models/index.js';
import type { FinishedStage } from '../../../lib/stages/types.js';
import { tinyFolder } from '../../evaluation/tiny-folder.js';
import { lockHome } from '../../../workers/home-lock.js';
import { bliss, place } from '../bliss.js';

/** smoke's target as a folder, whose tokenizer is the run's */
const GIVEN = ['models.target.from=given', 'tokenizer={type: file, path: given/tokenizer.json}'];

async function check(folder: string, overrides: readonly string[]): Promise<string> {
  const home = openHome(path.join(folder, 'home'));
  try {
    await checkInputs({ ...loadConfig({ source: 'smoke', overrides, cwd: folder }), home });
    return 'passes';
  } catch (error) {
    return String(error);
  }
}

describe('weights that a model starts from, before a server is started', () => {
  async function given(): Promise<string> {
    const { folder } = place();
    await tinyFolder(path.join(folder, 'given')); // its tokenizer: a byte is a token
    const { config: { models: { target: model, vocabularySize } } } = loadConfig({ source: 'smoke', cwd: folder });
    const arrays = createModel(model).init({ vocabularySize, seed: 1 });
    await writeHuggingFace({ folder: path.join(folder, 'given'), model, vocabularySize, contextLength: 32, shapes: createModel(model).shapes(vocabularySize), read: async (name) => Float32Array.from(arrays[name]) });
    return folder;
  }
  /** Rewrites a JSON file. */
  function change(file: string, to: string, edit: (json: { model: { vocab: Record<string, number> } }) => void): void {
    const json = JSON.parse(readFileSync(file, 'utf8')) as { model: { vocab: Record<string, number> } };
    edit(json);
    writeFileSync(to, JSON.stringify(json));
  }

  test('pass where they are the configured model’s, with its tokens, wherever these are written down', async () => {
    const folder = await given();
    expect(await check(folder, GIVEN)).toBe('passes');
    change(path.join(folder, 'given', 'tokenizer.json'), path.join(folder, 'own.json'), () => undefined);
    expect(await check(folder, [...GIVEN, 'tokenizer.path=own.json'])).toBe('passes');
    rmSync(path.join(folder, 'given', 'tokenizer.json'));
    expect(await check(folder, ['models.target.from=given'])).toBe('passes'); // nothing to hold against
  });

  test.each<readonly [string, readonly string[], (folder: string) => unknown, RegExp]>([
    ['no folder', ['models.target.from=nowhere'], () => undefined, /^DataInvalid: models\.target\.from: there is no folder \S+\/nowhere; name a folder as transformers saves a model/],
    ['another width and depth', ['models.target.width=64', 'models.target.layers=3'], () => undefined, /^ConfigInvalid: \S+given\/config\.json: the weights are of another model than the configuration's: layers is 1, models\.target\.layers 3; width is 32, models\.target\.width 64; write models\.target: \{layers: 1, width: 32\}, or name another folder/],
    ['another vocabulary', ['models.vocabularySize=600'], () => undefined, /vocab_size is 512, models\.vocabularySize 600; write models\.vocabularySize: 512, or/],
    ['a proxy of another depth', ['models.proxy.from=given', 'models.proxy.layers=2'], () => undefined, /layers is 1, models\.proxy\.layers 2; write models\.proxy: \{layers: 1\}, or name another folder in models\.proxy\.from/],
    ['a tensor that is missing', ['models.target.layers=2'], (folder) => writeFileSync(path.join(folder, 'given', 'config.json'), readFileSync(path.join(folder, 'given', 'config.json'), 'utf8').replace('"num_hidden_layers": 1', '"num_hidden_layers": 2')), /^DataInvalid: \S+model\.safetensors: gpt_neox\.layers\.1\.\S+, .* and 9 more are missing/],
    ['a torn file', [], (folder) => truncateSync(path.join(folder, 'given', 'model.safetensors'), 20_000), /^DataCorrupt: \S+model\.safetensors: not a sound safetensors file: \S+ \[.*\] does not fit its place in the file; copy or download it again/],
    ['a tokenizer trained anew', ['tokenizer={type: train, vocabularySize: 512}'], () => undefined, /^ConfigInvalid: tokenizer\.type: "train", and models\.target\.from has the tokenizer that its weights were trained with, \S+given\/tokenizer\.json; write tokenizer: \{type: file, path: given\/tokenizer\.json\}/],
    ['another tokenizer', ['tokenizer.path=own.json'], (folder) => change(path.join(folder, 'given', 'tokenizer.json'), path.join(folder, 'own.json'), ({ model: { vocab } }) => ([vocab['a'], vocab['b']] = [vocab['b'], vocab['a']])), /^ConfigInvalid: tokenizer\.path: another tokenizer than that of models\.target\.from: the id of "a" is 98 in \S+own\.json and 97 in \S+given\/tokenizer\.json; write tokenizer: \{type: file, path: given\/tokenizer\.json\}, or take that file out/],
    ['a tokenizer of fewer tokens', ['tokenizer.path=own.json'], (folder) => {
      const file = path.join(folder, 'given', 'tokenizer.json');
      cpSync(file, path.join(folder, 'own.json'));
      change(file, file, ({ model: { vocab } }) => void (vocab['aa'] = 300));
    }, /the id of "aa" is none in \S+own\.json and 300 in/],
  ])('%s', async (_, overrides, damage, says) => {
    const folder = await given();
    await damage(folder);
    expect(await check(folder, [...GIVEN, ...overrides])).toMatch(says);
  });
});

describe('a selection that is taken, before a server is started', () => {
  const selection = (round: number, seed = 0): FinishedStage => ({ stage: `seed-${seed}/bliss/round-${round}/selection`, name: 'selection', seed, arm: 'bliss', round, results: [{ ref: { uri: 'store:x', sha256: 'x', size: 1, digest: 'x' }, summary: { selector: 'bliss' }, cached: false }] });

  function other(overrides: readonly string[] = []): string {
    const { folder } = place();
    const run = openHome(path.join(folder, 'home')).run('other');
    mkdirSync(run.root, { recursive: true });
    const { config, configFolder } = loadConfig({ source: 'smoke', overrides, cwd: folder });
    writeJson(run.input, { run: 'other', config, configFolder, scope: '' });
    writeJson(path.join(run.root, 'stages.json'), [selection(1), selection(3)]);
    return folder;
  }

  test('of a run with a smaller target passes', async () => {
    expect(await check(other(), ['selection.from=other/round-3', 'models.target={width: 64, layers: 2}', 'rounds=3', 'pretraining.steps=7'])).toBe('passes');
  });

  test.each([
    ['no such run', ['selection.from=another/round-1'], /^ConfigInvalid: selection\.from: there is no finished run 'another' in \S+; name a finished run of this home .* a folder of ids of that name is \.\/another\/round-1/],
    ['no such round', ['selection.from=other/round-2'], /^ConfigInvalid: selection\.from: run 'other' has no selection by scores of round 2; name one of other\/round-1, other\/round-3$/],
    ['longer rows', ['selection.from=other/round-3', 'data.sequenceLength=64'], /^ConfigInvalid: data\.sequenceLength: 64, and the rows that other selected have 32 tokens; write what other has/],
    ['another tokenizer', ['selection.from=other/round-3', 'tokenizer.vocabularySize=300'], /^ConfigInvalid: tokenizer: another one than that of other, whose rows selection\.from takes; write what other has/],
    ['another corpus, on which the tokenizer is trained', ['selection.from=other/round-3', 'data.sources=[{type: demo, mixture: {books: 0.5}}]'], /^ConfigInvalid: tokenizer: another one/],
    ['no folder of ids', ['selection.from=./ids'], /^DataInvalid: selection\.from: there is no file and no folder \S+\/ids/],
  ])('%s', async (_, overrides, says) => {
    expect(await check(other(), overrides)).toMatch(says);
  });

  test('ids are read whole', async () => {
    const folder = other();
    mkdirSync(path.join(folder, 'ids'));
    writeFileSync(path.join(folder, 'ids', 'a.jsonl'), '{"id": "books:000000001"}\n{"id": "books:000000002"}\n');
    expect(await check(folder, ['selection.from=./ids'])).toBe('passes');
    writeFileSync(path.join(folder, 'ids', 'b.jsonl'), '{"id": "books:000000003"}\n{"id": 4}\n');
    expect(await check(folder, ['selection.from=./ids'])).toMatch(/ids\/b\.jsonl:2: the id is a number/);
  });
});

describe('who is to be told what happens, before a run is submitted', () => {
  const TOLD = ['run', 'smoke', '--set', 'notices={command: true}'];

  test('is an error with the fix where this side starts the workers, and a plan says so too; nothing is left', async () => {
    const { home } = place();
    for (const args of [TOLD, ['plan', ...TOLD.slice(1)]]) {
      const { code, stderr } = await bliss([...args, '--home', home], { env: { BLISS_NOTICE_COMMAND: '' } });
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/notices\.command: the environment variable BLISS_NOTICE_COMMAND is not set[^]*fix: set it to the path of a program or to a JSON list/);
    }
    expect(existsSync(home)).toBe(false);
    expect((await bliss(['plan', ...TOLD.slice(1), '--home', home], { env: { BLISS_NOTICE_COMMAND: 'true' } })).code).toBe(0);
  });

  test('is a note where workers of another side may know', async () => {
    const notes: string[] = [];
    const { notices } = loadConfig({ source: 'smoke', overrides: ['notices={command: true}'] }).config;
    const home = openHome(place().home);
    const lock = await lockHome({ home, info: { pid: process.pid, started: '', temporary: false, namespace: 'default' } });
    try {
      await checkNotices({ notices, home, output: { note: (text) => notes.push(text) } });
    } finally {
      await lock.release();
    }
    expect(notes).toEqual([expect.stringMatching(/^nobody will be told, unless the workers that are up have another environment: notices\.command: /)]);
    await expect(checkNotices({ notices, home, output: { note: () => undefined } })).rejects.toThrow('BLISS_NOTICE_COMMAND is not set');
  });
});
