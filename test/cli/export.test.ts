import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { whichSelections } from '../../cli/export/which-selections.js';
import { whichState, type WhichState } from '../../cli/export/which-state.js';
import { readJson } from '../../cli/runs.js';
import { configDigest } from '../../config/digest.js';
import { loadConfig } from '../../config/index.js';
import { fileBlobs, openStore, sha256 } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { readParquet } from '../../lib/data/index.js';
import { openHome } from '../../lib/home.js';
import { createModel, openHuggingFace, readSafetensors, type HuggingFaceModel } from '../../lib/models/index.js';
import { exportModel } from '../../lib/stages/exports/export-model.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { tf, type NamedArrays } from '../../lib/tensor/index.js';
import { idsOf, randomIds, tensorsOf } from '../models/tiny.js';
import { bliss, place, start, until } from './bliss.js';

/** A whole run of a LLaMA as short as one can be, two arms. */
const CONFIG = `extends: smoke
name: short
models:
  vocabularySize: 512
  proxy: &model { architecture: llama, layers: 1, width: 32, heads: 4, keyValueHeads: 2, intermediate: 48, initStandardDeviation: 0.11, tieEmbeddings: true }
  target: *model
warmUp: { steps: 5 }
bilevel: { outerSteps: 4 }
pretraining: { steps: 5, decay: { steps: 3 } }
`;

describe('what a real run has made', () => {
  const { folder, home } = place();
  const config = path.join(folder, 'short.yaml');
  const exported = (name: string): string => path.join(folder, 'out', name);
  const run = (...args: string[]) => bliss([...args, '--home', home, '--json']);

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(config, CONFIG);
    const { code, stderr } = await run('run', config, '--name', 'short');
    expect(code, stderr).toBe(0);
  }, 240_000);

  const refOf = (stage: string): Ref => {
    const ref = readJson<readonly FinishedStage[]>(path.join(openHome(home).run('short').root, 'stages.json'))?.find((each) => each.stage === stage)?.results[0].ref;
    if (ref === undefined) throw new Error(`no ${stage}`);
    return ref;
  };
  const fileOf = async (stage: string, name: string): Promise<string> => (await openStore({ blobs: fileBlobs({ root: openHome(home).store }) }).open(refOf(stage))).file(name);
  async function read(from: string): Promise<HuggingFaceModel & { readonly arrays: NamedArrays }> {
    const { read: tensor, close, shapes, files: _, ...model } = await openHuggingFace(from);
    const arrays: Record<string, Float32Array> = {};
    for (const name of Object.keys(shapes)) arrays[name] = await tensor(name);
    await close();
    return { ...model, arrays };
  }
  const logits = ({ model, vocabularySize, arrays }: HuggingFaceModel & { readonly arrays: NamedArrays }): Float32Array => {
    const created = createModel(model);
    return tf.tidy(() => created.logits({ params: tensorsOf(arrays, created.shapes(vocabularySize)), ids: idsOf(randomIds({ rows: 2, length: 9, seed: 1 })), causal: true }).dataSync<'float32'>());
  };

  test.each([
    ['whole', [], 'seed-0/bliss/round-1/decay'],
    ['in-shards', ['--arm', 'random', '--round', '1', '--seed', '0', '--shard-size', '0.00003'], 'seed-0/random/round-1/decay'],
  ])('the target, %s: configuration, tokenizer and logits are those of the state after the decay', async (name, options, stage) => {
    const to = exported(name);
    const { code, stdout, stderr } = await run('export', 'short', '--what', 'model', '--to', to, ...options);
    expect(code, stderr).toBe(0);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ run: 'short', what: 'model', stage, digest: refOf(stage).digest, folder: to });
    expect(readdirSync(path.dirname(to)).filter((entry) => entry.startsWith('.'))).toEqual([]);
    expect(readdirSync(to).filter((file) => /-of-/.test(file)).length > 1).toBe(name === 'in-shards');

    const found = await read(to);
    const { config: asked } = loadConfig({ source: config });
    expect(found).toMatchObject({ model: asked.models.target, vocabularySize: 512, contextLength: 32 });
    const { arrays } = await readSafetensors(await fileOf(stage, 'weights.safetensors'));
    expect(logits(found)).toEqual(logits({ ...found, arrays }));
    const before = await readSafetensors(await fileOf(stage.replace('decay', 'pretraining'), 'weights.safetensors'));
    expect(logits(found)).not.toEqual(logits({ ...found, arrays: before.arrays }));
    expect(readFileSync(path.join(to, 'tokenizer.json'))).toEqual(readFileSync(await fileOf('seed-0/prepare', 'tokenizer.json')));
    const { files, lineage, ...manifest } = JSON.parse(readFileSync(path.join(to, 'manifest.json'), 'utf8')) as { readonly files: readonly { readonly name: string; readonly sha256: string }[]; readonly lineage: readonly { readonly path: string }[] };
    expect(manifest).toMatchObject({ what: 'model', run: 'short', round: 1, stage, state: { digest: refOf(stage).digest } });
    expect(files).toEqual(readdirSync(to).filter((file) => file !== 'manifest.json').sort().map((file) => ({ name: file, bytes: expect.any(Number), sha256: sha256(readFileSync(path.join(to, file))) })));
    expect(lineage.map((one) => one.path)).toEqual(expect.arrayContaining(['seed-0/prepare', stage.replace('decay', 'selection'), stage.replace('decay', 'pretraining'), stage]));
  }, 60_000);

  test('the selected rows, with the scores of all rows and what they were made by', async () => {
    const to = exported('rows');
    const stage = 'seed-0/bliss/round-1/selection';
    const { code, stdout, stderr } = await run('export', 'short', '--what', 'dataset', '--to', to);
    expect(code, stderr).toBe(0);
    const selected = await readParquet({ file: await fileOf(stage, 'selected.parquet') });
    expect(JSON.parse(stdout)).toEqual({ run: 'short', what: 'dataset', stages: [{ stage, digest: refOf(stage).digest }], rows: selected.length, scores: 512, folder: to });
    expect(readdirSync(to).sort()).toEqual(['README.md', 'data', 'manifest.json', 'scores']);
    expect(readdirSync(path.dirname(to)).filter((entry) => entry.startsWith('.'))).toEqual([]);

    const rows = await readParquet({ file: path.join(to, 'data', 'train-00000-of-00001.parquet') });
    expect(rows.toSorted((a, b) => Number(a['rank']) - Number(b['rank'])).map(({ id, source, rank, score }) => ({ id, source, rank, score }))).toEqual(selected.map(({ id, source, rank, score }) => ({ id, source, rank, score })));
    const scores = await readParquet({ file: path.join(to, 'scores', 'part-00000-of-00001.parquet') });
    expect(scores.map(({ id, score, trained }) => ({ id, logit: score, trained }))).toEqual((await readParquet({ file: await fileOf(stage, 'scores.parquet') })).map(({ id, logit, trained }) => ({ id, logit, trained })));

    const { config: asked } = loadConfig({ source: config });
    const manifest = JSON.parse(readFileSync(path.join(to, 'manifest.json'), 'utf8')) as { readonly lineage: readonly { readonly path: string; readonly digest: string }[] };
    expect(manifest).toMatchObject({ run: 'short', arm: 'bliss', seed: 0, configuration: { sha256: configDigest(asked) }, rounds: [{ round: 1, stage, sha256: refOf(stage).sha256 }] });
    const paths = manifest.lineage.map((one) => one.path);
    for (const made of ['seed-0/prepare', 'seed-0/warm-up/proxy', 'seed-0/warm-up/target', 'seed-0/bliss/round-1/bilevel', stage]) {
      expect(paths).toContain(made);
      expect(manifest.lineage[paths.indexOf(made)].digest).toBe(refOf(made).digest);
    }
    expect(paths.filter((made) => /scoring\[\d+\]$/.test(made))).toHaveLength(2);
    expect(paths.filter((made) => /random|decay|pretraining/.test(made))).toEqual([]);
  }, 60_000);

  test('the scores of all rows alone, those of every round where there is one the same as of that round, and the rows that chance drew', async () => {
    const [scores, all, random] = ['scores', 'all', 'random'].map(exported);
    for (const args of [['scores', '--to', scores], ['scores', '--to', all, '--round', 'all'], ['dataset', '--to', random, '--arm', 'random']]) {
      const { code, stderr } = await run('export', 'short', '--what', ...args);
      expect(code, stderr).toBe(0);
    }
    expect(readdirSync(scores).sort()).toEqual(['README.md', 'manifest.json', 'scores']);
    for (const file of ['README.md', 'manifest.json', 'scores/part-00000-of-00001.parquet']) expect(readFileSync(path.join(all, file)).equals(readFileSync(path.join(scores, file))), file).toBe(true);
    expect(readdirSync(random).sort()).toEqual(['README.md', 'data', 'manifest.json']);
  }, 60_000);

  test('Ctrl-C in the middle leaves nothing', async () => {
    const to = exported('stopped');
    const begun = (): string[] => (existsSync(path.dirname(to)) ? readdirSync(path.dirname(to)).filter((entry) => entry.includes('stopped')) : []);
    // a file, flushed, for every row: long enough to be met
    const { child, ended } = start(['export', 'short', '--what', 'dataset', '--to', to, '--shard-size', '1e-9', '--home', home, '--json']);
    await until('the folder beside', () => begun()[0]);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'interrupted; nothing was written\n' });
    expect(begun()).toEqual([]);
  }, 60_000);

  test('what is there already stays as it is, and what is not of the run is said to be', async () => {
    const to = mkdtempSync(path.join(os.tmpdir(), 'bliss-there-'));
    const there = await run('export', 'short', '--what', 'model', '--to', to);
    expect(there).toMatchObject({ code: 2, stdout: expect.stringContaining('nothing is written over') });
    expect(readdirSync(to)).toEqual([]);
    for (const [options, says] of [
      [['--arm', 'dsir'], /no arm dsir.*bliss, random/],
      [['--seed', '7'], /no seed 7/],
      [['--round', '2'], /no round 2 in a run of 1/],
      [['--round', 'two'], /a round is an integer/],
      [['--shard-size', '0'], /a size is a number/],
      [['--round', 'all'], /a model is that of one round/],
      [['--what', 'weights'], /Allowed choices are dataset, model, scores/],
      [['--what', 'scores', '--arm', 'random'], /the arm random has no scores/],
      [['--what', 'dataset', '--round', '2'], /no round 2 in a run of 1/],
    ] as const) {
      const { code, stdout } = await run('export', 'short', '--what', 'model', '--to', exported('none'), ...options);
      expect(code, stdout).toBe(2);
      expect(stdout).toMatch(says);
    }
    expect(existsSync(exported('none'))).toBe(false);
  }, 60_000);

  test('a state that cannot be read leaves nothing behind', async () => {
    const to = exported('broken');
    const store = openStore({ blobs: fileBlobs({ root: openHome(home).store }) });
    const { config: asked } = loadConfig({ source: config });
    // a selection holds no weights
    const state = refOf('seed-0/bliss/round-1/selection');
    await expect(exportModel({ store, state, corpus: refOf('seed-0/prepare'), model: asked.models.target, vocabularySize: 512, sequenceLength: 32, to, origin: {}, stages: [] })).rejects.toMatchObject({ code: 'ArtifactMissing' });
    // nor has it a tokenizer
    await expect(exportModel({ store, state: refOf('seed-0/bliss/round-1/decay'), corpus: state, model: asked.models.target, vocabularySize: 512, sequenceLength: 32, to, origin: {}, stages: [] })).rejects.toMatchObject({ code: 'ArtifactMissing' });
    expect(readdirSync(path.dirname(to)).filter((entry) => entry.includes('broken'))).toEqual([]);
  });
});

describe('which state it is', () => {
  const ref = (digest: string): Ref => ({ uri: `store:${digest}`, sha256: digest, size: 0, digest });
  const stage = (path_: string, seed: number, arm: string | null, round: number | null): FinishedStage => ({ stage: path_, name: arm === null ? 'prepare' : 'training', seed, arm, round, results: [{ ref: ref(path_), summary: {}, cached: false }] });
  const decay = (seed: number, arm: string, round: number): FinishedStage => stage(`seed-${seed}/${arm}/round-${round}/decay`, seed, arm, round);
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=12'] });
  const finished = [stage('seed-0/prepare', 0, null, null), decay(0, 'bliss', 10), decay(0, 'bliss', 9), decay(0, 'random', 11), stage('seed-0/bliss/round-11/pretraining', 0, 'bliss', 11)];
  const asked = (changes: Partial<WhichState>): WhichState => ({ run: 'r', config, finished, round: undefined, arm: undefined, seed: undefined, ...changes });

  test('the last round whose decay is finished, of the arm of selector bliss', () => {
    expect(whichState(asked({}))).toEqual({ stage: 'seed-0/bliss/round-10/decay', seed: 0, arm: 'bliss', round: 10, state: ref('seed-0/bliss/round-10/decay'), corpus: ref('seed-0/prepare') });
    expect(whichState(asked({ round: 9 })).round).toBe(9);
    expect(whichState(asked({ arm: 'random' })).round).toBe(11);
  });

  test('one that is not finished is said to be, with those that are', () => {
    expect(() => whichState(asked({ round: 11 }))).toThrow(/seed-0\/bliss\/round-11\/decay of the run r is not finished; take round 9 or 10/);
    expect(() => whichState(asked({ finished: [] }))).toThrow(/round-1\/decay of the run r is not finished; see how far/);
  });

  test('of several seeds, or several arms of selector bliss, one must be named', () => {
    const several = loadConfig({ source: 'smoke', overrides: ['seeds=[0,1]', 'comparison.arms=[{name: a, selector: bliss},{name: b, selector: bliss}]'] }).config;
    expect(() => whichState(asked({ config: several, arm: 'a' }))).toThrow(/several seeds; name one of 0, 1/);
    expect(() => whichState(asked({ config: several, seed: 0 }))).toThrow(/several arms; name one of a, b/);
  });
});

describe('which selections they are', () => {
  const ref = (name: string): Ref => ({ uri: `store:${name}`, sha256: name, size: 0, digest: name });
  const selection = (arm: string, round: number, content = `${arm}-${round}`): FinishedStage => ({ stage: `seed-0/${arm}/round-${round}/selection`, name: 'selection', seed: 0, arm, round, results: [{ ref: ref(content), summary: {}, cached: false }] });
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=12'] });
  const finished: readonly FinishedStage[] = [
    { stage: 'seed-0/prepare', name: 'prepare', seed: 0, arm: null, round: null, results: [{ ref: ref('corpus'), summary: {}, cached: false }] },
    { stage: 'seed-0/warm-up/selection', name: 'selection', seed: 0, arm: null, round: null, results: [{ ref: ref('warm-up'), summary: {}, cached: false }] },
    selection('bliss', 10), selection('bliss', 2), selection('random', 11), selection('random', 12, 'random-11'),
  ];
  const roundsOf = (round: number | 'all' | undefined, arm?: string): readonly number[] => whichSelections({ run: 'r', config, finished, round, arm, seed: undefined }).selections.map((one) => one.round);

  test('the last that is finished, one that is named, or all in their order, each content once', () => {
    expect(whichSelections({ run: 'r', config, finished, round: undefined, arm: undefined, seed: undefined })).toEqual({
      arm: { name: 'bliss', selector: 'bliss' }, seed: 0, corpus: ref('corpus'), selections: [{ stage: 'seed-0/bliss/round-10/selection', round: 10, ref: ref('bliss-10') }],
    });
    expect(roundsOf(2)).toEqual([2]);
    expect(roundsOf('all')).toEqual([2, 10]);
    expect(roundsOf('all', 'random')).toEqual([11]);
    expect(() => roundsOf(3)).toThrow(/seed-0\/bliss\/round-3\/selection of the run r is not finished; take round 2 or 10/);
    expect(() => whichSelections({ run: 'r', config, finished: finished.slice(0, 2), round: 'all', arm: undefined, seed: undefined })).toThrow(/round-1\/selection of the run r is not finished; see how far/);
  });

  test('rows of another run are exported from there', () => {
    const borrowed = loadConfig({ source: 'smoke', overrides: ['selection.from=other-1.5/round-3'] }).config;
    expect(() => whichSelections({ run: 'r', config: borrowed, finished, round: undefined, arm: undefined, seed: undefined })).toThrow(/bliss selected nothing: it trains on the rows of other-1.5\/round-3; export them from there: --round 3 of other-1.5/);
    expect(whichSelections({ run: 'r', config: borrowed, finished: [finished[0], selection('random', 1)], round: undefined, arm: 'random', seed: undefined }).selections).toHaveLength(1);
  });
});
