import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parquetRows } from '../../../lib/data/index.js';
import { BlissError } from '../../../lib/errors.js';
import { ProgramCache, stateOfTrained } from '../../../lib/programs/index.js';
import { flattenHeldOut } from '../../../lib/stages/steps/batch.js';
import { openCorpus } from '../../../lib/stages/contents/corpus.js';
import type { StageInputs, StageResult } from '../../../lib/stages/index.js';
import { readState } from '../../../lib/stages/state.js';
import { call, config, corpus, killedAfter, metricsOf, stoppedOften, store, trainingInput } from '../steps/divergence-runs.js';

/** Probes and regression on the smallest run there is: a group of 64 rows of 16 tokens, of which 20 are probed. */
const settings: StageInputs['mates']['mates'] = {
  probes: 20, probeLearningRate: 1e-2, validationExamples: 7, validationBatchSize: 4, heldOutFraction: 0.3, epochs: 3, batchSize: 5, peakLearningRate: 1e-3, warmUpFraction: 0,
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }, gradientClip: 1, checkpointEvery: 4,
};
/** 14 probes are learnt from, three times, in fives */
const STEPS = 20 + 9;
let input: StageInputs['mates'];
let whole: StageResult;

interface Probe { readonly id: string; readonly index: number; readonly influence: number; readonly heldOut: boolean; readonly prediction: number | null }
async function probesOf({ ref }: StageResult): Promise<Probe[]> {
  const rows: Probe[] = [];
  for await (const row of parquetRows({ file: await (await store.open(ref)).file('probes.parquet'), columns: ['id', 'index', 'influence', 'heldOut', 'prediction'] })) rows.push(row as unknown as Probe); // written by the stage
  return rows;
}

beforeAll(async () => {
  const warm = await call('training', trainingInput({ purpose: 'warm-up' }), { run: 'warm' });
  input = {
    mates: settings, models: config.models, sequenceLength: 16, validationLoss: 'all-tokens', adam: config.pretraining.adam, gradientClip: 1, corpus, group: 1,
    proxy: warm.ref, target: warm.ref, compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue', seed: '0/round-1',
  };
  whole = await call('mates', input, { run: 'whole' });
}, 120_000);

describe('probing', () => {
  test('gives each row the difference that a step of training on it makes to the validation loss, with the target’s moments and its count of updates', async () => {
    const { params, moments, updates } = await readState(await store.open(input.target));
    expect(updates).toBe(6);
    const opened = await openCorpus(store, corpus);
    const all = await opened.heldOut('validation');
    // which seven of the eight: those whose loss before is the one that the stage tells
    const programs = new ProgramCache();
    const { models: { target: model, vocabularySize }, sequenceLength, adam, gradientClip } = input;
    const training = await programs.training({ model, vocabularySize, sequenceLength, batchSize: 1, adam, gradientClip, mode: 'graph' });
    const evaluation = await programs.evaluation({ model, vocabularySize, sequenceLength, batchSize: all.length, mode: 'graph' });
    const { ids, mask } = flattenHeldOut(all, sequenceLength, 'all-tokens');
    const sums = (weights: typeof params): { readonly loss: number; readonly counted: number }[] => {
      evaluation.setState(weights);
      const { negativeLogLikelihood } = evaluation.evaluate(ids);
      return all.map((_, i) => {
        const counts = Array.from({ length: sequenceLength - 1 }, (__, t) => mask[i * sequenceLength + t + 1]);
        return { loss: counts.reduce((sum, count, t) => sum + count * negativeLogLikelihood[i * (sequenceLength - 1) + t], 0), counted: counts.reduce((a, b) => a + b, 0) };
      });
    };
    const lossWithout = (left: number, of: ReturnType<typeof sums>): number => {
      const rest = of.filter((_, i) => i !== left);
      return rest.reduce((sum, { loss }) => sum + loss, 0) / rest.reduce((sum, { counted }) => sum + counted, 0);
    };
    const before = sums(params);
    const left = all.findIndex((_, i) => Math.abs(lossWithout(i, before) - Number(whole.summary['validationLoss'])) < 1e-6);
    expect(left).toBeGreaterThanOrEqual(0);

    const group = await opened.group(1);
    for (const { id, index, influence } of (await probesOf(whole)).slice(0, 6)) {
      training.setState(stateOfTrained({ params, moments }));
      for await (const row of group.read(index, index + 1)) {
        expect(row.id).toBe(id);
        training.step({ ids: row.tokens, learningRate: settings.probeLearningRate, update: updates + 1 });
      }
      const state = training.getState();
      const after = sums(Object.fromEntries(Object.keys(params).map((name) => [name, state[`params/${name}`]])));
      expect(Math.abs(lossWithout(left, before) - lossWithout(left, after) - influence), id).toBeLessThan(2e-6);
      expect(Math.abs(influence)).toBeGreaterThan(1e-4); // much more than what is allowed
    }
    await programs.clear();
  });

  test('is of a sample of the group; those rows are flagged where they are scored, and none others', async () => {
    const probes = await probesOf(whole);
    expect(probes).toHaveLength(20);
    expect(probes.filter(({ heldOut }) => heldOut)).toHaveLength(6);
    const scores = await call('scoring', { models: config.models, sequenceLength: 16, batchSize: 24, corpus, group: 1, shards: { first: 0, end: 2 }, scorer: whole.ref, compiler: 'graph', precision: 'float32' }, { run: 'scores' });
    const logits = new Map<number, number>();
    const flagged: number[] = [];
    for await (const row of parquetRows({ file: await (await store.open(scores.ref)).file('scores.parquet'), columns: ['index', 'logit', 'trained'] })) {
      logits.set(Number(row['index']), Number(row['logit']));
      if (row['trained'] === true) flagged.push(Number(row['index']));
    }
    expect(logits.size).toBe(64);
    expect(flagged).toEqual(probes.map(({ index }) => index));
    // what scoring makes of a row is what the regression predicts of it
    for (const { index, heldOut, prediction } of probes) {
      expect(prediction === null).toBe(!heldOut);
      if (prediction !== null) expect(Math.abs(prediction - (logits.get(index) ?? Number.NaN))).toBeLessThan(1e-5);
    }
  });
});

describe('the regression', () => {
  test('is of influences in deviations of those it learns from, and is held against the others after each pass', async () => {
    const probes = await probesOf(whole);
    const learnt = probes.filter(({ heldOut }) => !heldOut).map(({ influence }) => influence);
    const mean = learnt.reduce((a, b) => a + b, 0) / learnt.length;
    const deviation = Math.sqrt(learnt.reduce((sum, one) => sum + (one - mean) ** 2, 0) / learnt.length);
    expect(whole.summary).toMatchObject({ probes: 20, heldOut: 6, regressionSteps: 9, trainedRows: 20, group: 1 });
    expect(Number(whole.summary['influenceMean'])).toBeCloseTo(mean, 12);
    expect(Number(whole.summary['influenceDeviation'])).toBeCloseTo(deviation, 12);
    const judged = probes.filter(({ heldOut }) => heldOut).map(({ influence, prediction }) => ({ wanted: (influence - mean) / deviation, said: prediction ?? Number.NaN }));
    expect(Number(whole.summary['heldOutLoss'])).toBeCloseTo(judged.reduce((sum, { wanted, said }) => sum + (said - wanted) ** 2, 0) / 6, 10);
    // without ties: 1 − 6 Σ d² / n(n² − 1)
    const rank = (value: number, values: readonly number[]): number => values.filter((one) => one < value).length;
    const squares = judged.reduce((sum, { wanted, said }) => sum + (rank(wanted, judged.map((one) => one.wanted)) - rank(said, judged.map((one) => one.said))) ** 2, 0);
    expect(Number(whole.summary['heldOutSpearman'])).toBeCloseTo(1 - (6 * squares) / (6 * 35), 12);

    const metrics = await metricsOf(whole.ref);
    expect(metrics.map((line) => line['step'])).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(metrics.slice(0, 20).every((line) => 'influence' in line && 'validationLoss' in line)).toBe(true);
    // passes of 14 rows end with 15, 30 and 42 of 45
    expect(metrics.slice(20).map((line) => 'heldOutSpearman' in line)).toEqual([false, false, true, false, false, true, false, false, true]);
    const losses = metrics.slice(20).map((line) => Number(line['regressionLoss']));
    expect(losses.slice(6).reduce((a, b) => a + b)).toBeLessThan(losses.slice(0, 3).reduce((a, b) => a + b)); // it learns
  });

  test('gives every row that it learns from its own influence, sign included', async () => {
    // passes enough to know 14 rows by heart
    const learnt = await call('mates', { ...input, mates: { ...settings, epochs: 60, peakLearningRate: 1e-2 } }, { run: 'by-heart' });
    const scores = await call('scoring', { models: config.models, sequenceLength: 16, batchSize: 24, corpus, group: 1, shards: { first: 0, end: 2 }, scorer: learnt.ref, compiler: 'graph', precision: 'float32' }, { run: 'by-heart' });
    const logits = new Map<number, number>();
    for await (const row of parquetRows({ file: await (await store.open(scores.ref)).file('scores.parquet'), columns: ['index', 'logit'] })) logits.set(Number(row['index']), Number(row['logit']));
    const [mean, deviation] = [Number(learnt.summary['influenceMean']), Number(learnt.summary['influenceDeviation'])];
    const errors = (await probesOf(learnt)).filter(({ heldOut }) => !heldOut).map(({ index, influence }) => ((influence - mean) / deviation - (logits.get(index) ?? Number.NaN)) ** 2);
    expect(errors).toHaveLength(14);
    expect(errors.reduce((a, b) => a + b) / errors.length).toBeLessThan(0.1); // 1 where nothing is learnt, 4 of the wrong sign
  });
});

describe('stopped and gone on with', () => {
  const same = async (result: StageResult): Promise<void> => {
    expect(result.ref.digest).toBe(whole.ref.digest);
    expect(result.summary).toEqual(whole.summary);
    expect(await metricsOf(result.ref)).toEqual(await metricsOf(whole.ref));
    expect(await probesOf(result)).toEqual(await probesOf(whole));
  };

  test('at every third step, in the probes, between them and the regression and within it, it ends the same', async () => {
    const { result, stops } = await stoppedOften('mates', input, { run: 'stopped', steps: () => 3 });
    expect(stops).toBe(9); // the tenth attempt has two steps left
    await same(result);
  });

  test.each([7, 19, 20, 23])('killed after step %s it goes on from its last checkpoint, and ends the same', async (step) => {
    const run = `killed-${step}`;
    await expect(call('mates', input, { run, hooks: killedAfter(step) })).rejects.toThrow('killed');
    const steps: number[] = [];
    await same(await call('mates', input, { run, attempt: 2, hooks: { onProgress: async ({ step: done }) => void steps.push(done) } }));
    expect(steps[0]).toBe(Math.floor((step - 1) / 4) * 4 + 1);
  });
});

describe('is refused', () => {
  test.each([
    ['more validation examples than there are', { validationExamples: 9 }, 'DataInvalid', /8 validation examples, fewer than the 9 of a probe; lower it or raise heldOut.validation/],
    ['steps too small to be seen', { probeLearningRate: 1e-30 }, 'DataInvalid', /all 14 probed rows have the same influence/],
    ['a step that leaves no number', { probeLearningRate: 1e30 }, 'LossDiverged', /probe 1: .*; the row is \S+; look at that row; lower mates.probeLearningRate/],
  ] as const)('%s', async (_, changes, code, message) => {
    const refused = await call('mates', { ...input, mates: { ...settings, ...changes } }, { run: `refused-${code}` }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BlissError);
    expect(refused).toMatchObject({ code });
    expect(String(refused)).toMatch(message);
  });
});

test('the numerics policy is no part of the key, and every setting of the section is', async () => {
  const again = await call('mates', { ...input, numerics: 'strict' }, { run: 'whole', attempt: 2 });
  expect(again.cached).toBe(true);
  expect((await store.open(whole.ref)).manifest.kind).toBe('influence-model');
  expect(JSON.parse(await readFile(await (await store.open(whole.ref)).file('numerics.json'), 'utf8'))).toMatchObject({ notBitComparableFromStep: null });
});
