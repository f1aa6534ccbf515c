import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../../config/sections/bilevel.js';
import { colorSchema } from '../../../config/sections/color.js';
import { parquetRows } from '../../../lib/data/index.js';
import { RowFeatures } from '../../../lib/stages/features/index.js';
import { standardised } from '../../../lib/stages/features/standardised.js';
import { stageByName, stageKey, type StageInputs, type StageResult } from '../../../lib/stages/index.js';
import { readArrays } from '../../../lib/stages/state.js';
import { call, config, corpus, killedAfter, madeIn, stoppedOften, store, trainingInput } from '../steps/divergence-runs.js';

/*
 * Features of the score model in the stages: what they are of, that a phase gone on with has them, and that rows are scored with them.
 */
type Section = StageInputs['bilevel']['bilevel'];
const runtime = { compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue' } as const;
const { vocabularySize, proxy: model } = config.models;

const learnt = async (): Promise<{ readonly warm: StageResult; readonly color: StageResult; readonly dsir: StageResult }> => {
  const warm = await call('training', trainingInput({}), { run: 'warm' });
  const color = await call('color', { color: colorSchema.parse({ steps: 4, batchSize: 4 }), model, vocabularySize, sequenceLength: 16, adam: config.warmUp.adam, gradientClip: 1, corpus, prior: warm.ref, ...runtime, seed: '0/color' }, { run: 'color' });
  return { warm, color, dsir: await call('lexical', { method: 'dsir', corpus, group: 1, seed: '0/round-1' }, { run: 'dsir' }) };
};
const FEATURES = ['color', 'dsir', 'perplexity-low'] as const;
const inputOf = async (checkpointEvery = 100, score: Partial<Section['score']> = {}): Promise<StageInputs['bilevel']> => {
  const { warm, color, dsir } = await learnt();
  return {
    bilevel: { ...config.bilevel, weights: 'logits', outerSteps: 5, checkpointEvery, solver: { ...config.bilevel.solver, method: 'identity' }, score: { ...config.bilevel.score, peakLearningRate: 0.01, features: [...FEATURES], ...score } },
    models: config.models, sequenceLength: 16, corpus, group: 1, proxy: warm.ref, target: warm.ref, scorer: null, ...runtime, seed: '0/round-1',
    features: [{ by: 'color', scorer: color.ref }, { by: 'lexical', scorer: dsir.ref }, { by: 'perplexity', scorer: warm.ref }],
  };
};
const scoringInput = (scorer: StageResult, by?: StageInputs['scoring']['by']): StageInputs['scoring'] => ({ models: config.models, sequenceLength: 16, batchSize: 24, corpus, group: 1, shards: { first: 0, end: 2 }, scorer: scorer.ref, ...(by === undefined ? {} : { by }), compiler: 'graph', precision: 'float32' });
const scoresOf = async (result: StageResult): Promise<number[]> => {
  const scores: number[] = [];
  for await (const row of parquetRows({ file: await (await store.open(result.ref)).file('scores.parquet') })) scores.push(Number(row['logit']));
  return scores;
};

describe('features', () => {
  test('are deviations from the mean of the group, at most three, and their squares', () => {
    const { value, square } = standardised(Float32Array.from([1, 2, 3, 6]));
    const deviation = Math.sqrt(14 / 4); // of −2, −1, 0, 3
    [-2, -1, 0, 3].forEach((one, i) => {
      expect(value[i]).toBeCloseTo(one / deviation, 6);
      expect(square[i]).toBeCloseTo(((one / deviation) ** 2 - 1) / Math.SQRT2, 6);
    });
    expect(Math.max(...standardised(Float32Array.from([...new Array<number>(99).fill(0), 1000])).value)).toBe(3);
    expect([...standardised(Float32Array.from([5, 5])).value, ...standardised(Float32Array.from([5, 5])).square]).toEqual([0, 0, 0, 0]);
  });

  test('of a batch are those of its rows; a batch that is short repeats its first row', () => {
    const rows = new RowFeatures({ count: 2, scale: 1, backbone: true }, Float32Array.from([0, 1, 10, 11, 20, 21]));
    expect([...rows.batch(Uint32Array.of(2, 0), 3)]).toEqual([20, 21, 0, 1, 20, 21]);
  });

  test('are the scores that arms of those selectors rank by, and rows are scored with them: f without a backbone is bias and κ ⟨w, φ⟩', async () => {
    const input = await inputOf(100, { backbone: false, featureScale: 7 });
    const scorer = await call('bilevel', input, { run: 'features-alone' });
    const others = await Promise.all((input.features ?? []).map(async (feature) => scoresOf(await call('scoring', { ...scoringInput(scorer), ...feature }, { run: `scores-${feature.by}` }))));
    expect(others).toHaveLength(3);
    const phi = others.flatMap((scores) => {
      const mean = scores.reduce((a, b) => a + b) / scores.length;
      const deviation = Math.sqrt(scores.reduce((a, b) => a + (b - mean) ** 2, 0) / scores.length);
      const z = scores.map((score) => Math.max(-3, Math.min(3, (score - mean) / deviation)));
      return [z, z.map((one) => (one * one - 1) / Math.SQRT2)];
    });
    const weights = await readArrays(await store.open(scorer.ref), 'score.safetensors');
    expect(Object.keys(weights).toSorted()).toEqual(['features.weight', 'head.bias']);
    expect(Math.max(...weights['features.weight'].map(Math.abs))).toBeGreaterThan(1e-3);
    const found = await scoresOf(await call('scoring', scoringInput(scorer), { run: 'features-alone' }));
    expect(found).toHaveLength(64);
    found.forEach((score, row) => expect(score).toBeCloseTo(weights['head.bias'][0] + 7 * phi.reduce((total, column, k) => total + weights['features.weight'][k] * column[row], 0), 4));
  }, 60_000);

  test('of two models of one architecture are each of its own model, whichever is named first', async () => {
    const { warm, color } = await learnt();
    // the target of another seed: the same architecture, other weights
    const target = await call('training', trainingInput({ start: { seed: '9' } }), { run: 'other-target' });
    const recolor = await call('recolor', { color: colorSchema.parse({ steps: 4, batchSize: 4 }), model: config.models.target, vocabularySize, sequenceLength: 16, adam: config.warmUp.adam, gradientClip: 1, corpus, prior: target.ref, ...runtime, seed: '0/recolor' }, { run: 'recolor' });
    const pairs = [{ by: 'color', scorer: color.ref, name: 'color' }, { by: 'recolor', scorer: recolor.ref, name: 'color-target' }] as const;
    const columnsOf = async (ordered: typeof pairs | readonly (typeof pairs)[number][], run: string): Promise<Map<string, number[]>> => {
      const input = await inputOf(100, { backbone: false, features: ordered.map(({ name }) => name) });
      const scorer = await call('bilevel', { ...input, features: ordered.map(({ by, scorer: ref }) => ({ by, scorer: ref })), proxy: warm.ref }, { run });
      const bytes = Uint8Array.from(await readFile(await (await store.open(scorer.ref)).file('features.bin')));
      const values = new Float32Array(bytes.buffer);
      return new Map(ordered.map(({ name }, k) => [name, Array.from({ length: 64 }, (_, row) => values[row * 4 + 2 * k])]));
    };
    const [one, turned] = [await columnsOf(pairs, 'two-models'), await columnsOf(pairs.toReversed(), 'two-models-turned')];
    expect(turned.get('color')).toEqual(one.get('color'));
    expect(turned.get('color-target')).toEqual(one.get('color-target'));
    expect(one.get('color')).not.toEqual(one.get('color-target'));
  }, 60_000);

  test('lie in the checkpoints: a phase that is stopped or killed comes to the same artifact', async () => {
    const whole = await call('bilevel', await inputOf(), { run: 'features-undisturbed' });
    for (const [checkpointEvery, n] of [[100, 2], [2, 4]]) {
      const run = `features-stopped-${checkpointEvery}`;
      const input = await inputOf(checkpointEvery);
      await expect(call('bilevel', input, { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
      const { result, stops } = await stoppedOften('bilevel', input, { run, from: 2, steps: () => 1 });
      expect(stops).toBeGreaterThan(0);
      expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
    }
  }, 120_000);

  test('are computed once: an attempt that is killed before the first checkpoint of its steps has left them to the next', async () => {
    const [run, input] = ['features-killed-early', await inputOf()];
    const phases: string[] = [];
    const onPhase = async (phase: string): Promise<void> => void phases.push(phase);
    await expect(call('bilevel', input, { run, hooks: { ...killedAfter(1), onPhase } })).rejects.toThrow('killed');
    expect(phases.filter((phase) => phase.startsWith('rating rows'))).not.toEqual([]);
    phases.length = 0;
    const result = await call('bilevel', input, { run, attempt: 2, hooks: { onPhase } });
    expect(phases).toContain('compiling');
    expect(phases.filter((phase) => phase.startsWith('rating rows'))).toEqual([]);
    expect(await madeIn(result.ref)).toEqual(await madeIn((await call('bilevel', input, { run: 'features-undisturbed' })).ref));
  }, 60_000);

  test('are those of the round before: a score model is not gone on with by one that sees other things of rows', async () => {
    const input = await inputOf();
    const before = await call('bilevel', input, { run: 'features-of-round-1' });
    await call('bilevel', { ...input, scorer: before.ref, seed: '0/round-2' }, { run: 'features-of-round-2' });
    for (const score of [{ featureScale: 7 }, { backbone: false }]) {
      const { bilevel } = await inputOf(100, score);
      await expect(call('bilevel', { ...input, bilevel, scorer: before.ref }, { run: `features-changed-${Object.keys(score)[0]}` })).rejects.toThrow(/bilevel\.score\.features: the score model of the round before has 6 elements of features, κ = 32, a backbone, that of this round 6 elements/);
    }
    const { features: _, bilevel, ...rest } = input;
    const { features: _names, ...plain } = bilevel.score;
    await expect(call('bilevel', { ...rest, bilevel: { ...bilevel, score: plain }, scorer: before.ref }, { run: 'features-gone' })).rejects.toThrow('that of this round no features');
  }, 60_000);

  test('are in the digest of what was learnt: scores follow from them', async () => {
    const input = await inputOf();
    const [one, other] = [await call('bilevel', input, { run: 'digest-one' }), await call('bilevel', { ...input, features: input.features?.toReversed() ?? [], bilevel: { ...input.bilevel, score: { ...input.bilevel.score, peakLearningRate: 1e-30 } } }, { run: 'digest-other' })];
    expect(one.ref.digest).not.toBe(other.ref.digest);
  });

  test('have a part in the key only where there are any, and a default written out is the default', async () => {
    const defaults = bilevelSchema.parse({});
    const ref = (digest: string): StageInputs['bilevel']['proxy'] => ({ uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest });
    const base: StageInputs['bilevel'] = { bilevel: defaults, models: config.models, sequenceLength: 16, corpus: ref('a'.repeat(64)), group: 1, proxy: ref('b'.repeat(64)), target: ref('c'.repeat(64)), scorer: null, ...runtime, seed: '0/round-1' };
    const key = (score: Partial<Section['score']>): Promise<string> => stageKey(stageByName('bilevel'), { input: { ...base, bilevel: { ...defaults, score: { ...defaults.score, ...score } } }, scope: '' });
    // taken on 7acc846, as in test/stages/bilevel-settings.test.ts
    expect(await key({})).toBe('3d82a6e70d0fa9c53c31b129f68f9ef594a4f895c973ed6b8bdd9940ccc11c30');
    const with_ = await key({ features: ['dsir'] });
    expect(await key({ features: ['dsir'], featureScale: 32, backbone: true })).toBe(with_);
    const keys = [await key({}), with_, await key({ features: ['color'] }), await key({ features: ['dsir'], featureScale: 16 }), await key({ features: ['dsir'], backbone: false })];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
