import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { whichState, type WhichState } from '../../cli/export/which-state.js';
import { readJson } from '../../cli/runs.js';
import { loadConfig } from '../../config/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { openHome } from '../../lib/home.js';
import { createModel, openHuggingFace, readSafetensors, type HuggingFaceModel } from '../../lib/models/index.js';
import { exportModel } from '../../lib/stages/export-model.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { tf, type NamedArrays } from '../../lib/tensor/index.js';
import { idsOf, randomIds, tensorsOf } from '../models/tiny.js';
import { bliss, place } from './bliss.js';

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

describe('the target of a real run', () => {
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
  ])('%s: configuration, tokenizer and logits are those of the state after the decay', async (name, options, stage) => {
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
    expect(JSON.parse(readFileSync(path.join(to, 'bliss.json'), 'utf8'))).toMatchObject({ run: 'short', stage, state: { digest: refOf(stage).digest } });
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
      [['--what', 'scores'], /Allowed choices are model/],
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
    await expect(exportModel({ store, state, corpus: refOf('seed-0/prepare'), model: asked.models.target, vocabularySize: 512, sequenceLength: 32, to, origin: {} })).rejects.toMatchObject({ code: 'ArtifactMissing' });
    // nor has it a tokenizer
    await expect(exportModel({ store, state: refOf('seed-0/bliss/round-1/decay'), corpus: state, model: asked.models.target, vocabularySize: 512, sequenceLength: 32, to, origin: {} })).rejects.toMatchObject({ code: 'ArtifactMissing' });
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
