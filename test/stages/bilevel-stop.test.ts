import { beforeAll, describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { readBatch } from '../../lib/data/index.js';
import { readSafetensors } from '../../lib/models/index.js';
import { openCorpus } from '../../lib/stages/contents/index.js';
import { stageByName, stageKey, type StageInputs } from '../../lib/stages/index.js';
import { bilevelInput, blobs, call, config, corpus, killedAfter, madeIn, metricsOf, programs, stopAfter, stoppedOften, store, trainingInput } from './steps/divergence-runs.js';

/*
 * A bilevel phase that ends by itself where its ranking of rows stands still.
 */
type Section = StageInputs['bilevel']['bilevel'];
const ref = (digest: string): StageInputs['bilevel']['proxy'] => ({ uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest });
let warm: StageInputs['bilevel']['proxy'] = ref('b'.repeat(64));
beforeAll(async () => {
  warm = (await call('training', trainingInput({}), { run: 'warm' })).ref;
});

const inputOf = (changes: Partial<Section>): StageInputs['bilevel'] => bilevelInput({ outerSteps: 30, checkpointEvery: 100, solver: { ...config.bilevel.solver, steps: 1 }, ...changes }, warm);
/** so low that the first two comparisons after the warm-up of three steps find it still: at 4 and 6, with rankings from step 2 on */
const STOPS = { schedule: 'wsd', stopAt: { rankCorrelation: 1e-9, every: 2 } } as const;

describe('a bilevel phase with stopAt', () => {
  test('ends after two comparisons in a row that count, with the rate at 0, and says of how many steps', async () => {
    const { ref: made, summary } = await call('bilevel', inputOf({ ...STOPS, score: { ...config.bilevel.score, peakLearningRate: 1e-5 } }), { run: 'stop-short' });
    const lines = await metricsOf(made);
    const correlations = lines.map((line) => line['rankCorrelation']);
    // of the first ranking there is nothing to compare with; while the rate warms up (three steps) a comparison does not count
    expect(correlations.map((one) => typeof one)).toEqual(lines.map((_, i) => ((i + 1) % 2 === 0 && i > 1 ? 'number' : 'undefined')));
    const counted = correlations.flatMap((one, i) => (typeof one === 'number' && i + 1 - 2 >= 3 && one >= 1e-9 ? [i + 1] : []));
    expect(counted.slice(0, 2)).toEqual([6, 8]);
    expect(lines).toHaveLength(8 + 3);
    expect(summary).toMatchObject({ outerSteps: 11, atMost: 30 });
    expect(lines.slice(-4).map((line) => Number(line['learningRate']) / 1e-5)).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9), expect.closeTo(2 / 3, 9), expect.closeTo(1 / 3, 9)]);
  });

  test('of a correlation that is never reached takes all its steps, and one of 1 only measures', async () => {
    const high = await call('bilevel', inputOf({ ...STOPS, stopAt: { rankCorrelation: 0.999999, every: 2 }, score: { ...config.bilevel.score, peakLearningRate: 0.05 } }), { run: 'stop-never' });
    expect(high.summary).toMatchObject({ outerSteps: 30 });
    const measured = await call('bilevel', inputOf({ stopAt: { rankCorrelation: 1, every: 5 } }), { run: 'stop-measured' });
    expect(measured.summary).toMatchObject({ outerSteps: 30 });
    const plain = await call('bilevel', inputOf({}), { run: 'stop-without' });
    expect(measured.ref.digest).toBe(plain.ref.digest); // of θ_s: to look changes nothing
    expect((await metricsOf(plain.ref)).some((line) => 'rankCorrelation' in line)).toBe(false);
  });

  test('compares rankings of the same rows: what it says is Spearman’s correlation of the score models before and after', async () => {
    const input = inputOf({ stopAt: { rankCorrelation: 1, every: 5 }, checkpointEvery: 5 });
    const { ref: made } = await call('bilevel', input, { run: 'stop-spearman' });
    const said = (await metricsOf(made)).flatMap((line) => (line['rankCorrelation'] === undefined ? [] : [Number(line['rankCorrelation'])]));
    // score models of steps 20 and 25 by the checkpoints of runs that were stopped there, ranked here
    const after = async (steps: number): Promise<number[]> => {
      const run = `stop-at-${steps}`;
      await expect(call('bilevel', input, { run, hooks: stopAfter(steps) })).rejects.toMatchObject({ code: 'Stopped' });
      const kept = (await blobs.list(`checkpoints/${run}/`)).filter(({ key }) => key.endsWith('bilevel.safetensors')).map(({ key }) => key).toSorted();
      const { arrays } = await readSafetensors(await blobs.localFile(kept[kept.length - 1]));
      const program = await programs.scoring({ model: config.models.proxy, vocabularySize: config.models.vocabularySize, sequenceLength: 16, batchSize: 4, mode: 'graph' });
      program.setState(Object.fromEntries(Object.entries(arrays).flatMap(([name, array]) => (/^score\/(?!adam)/.test(name) ? [[name.slice('score/'.length), array]] : []))));
      const dataset = await (await openCorpus(store, corpus)).group(1);
      const scores: number[] = [];
      for (let step = 0; step < 16; step++) scores.push(...program.score((await readBatch({ dataset, request: { kind: 'range', start: 4 * step, end: 4 * step + 4 }, batchSize: 4 })).tokens));
      return scores;
    };
    const ranks = (values: readonly number[]): number[] => values.map((value) => values.filter((other) => other < value).length + (values.filter((other) => other === value).length - 1) / 2);
    const [a, b] = [ranks(await after(20)), ranks(await after(25))];
    const mean = 31.5;
    const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, value, i) => sum + (value - mean) * (y[i] - mean), 0);
    expect(said).toHaveLength(5);
    expect(said[3]).toBeCloseTo(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), 6);
  }, 120_000);

  test('comes to the same artifact however it is stopped or killed on the way: the ranking before and the stop are in its checkpoints', async () => {
    const whole = await call('bilevel', inputOf(STOPS), { run: 'stop-undisturbed' });
    expect(whole.summary['outerSteps']).toBeLessThan(30);
    for (const [checkpointEvery, n] of [[100, 3], [3, 7]]) {
      const run = `stop-stopped-${checkpointEvery}`;
      const input = inputOf({ ...STOPS, checkpointEvery });
      await expect(call('bilevel', input, { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
      const { result, stops } = await stoppedOften('bilevel', input, { run, from: 2, steps: () => 1 });
      expect(stops).toBeGreaterThan(3);
      expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
    }
  }, 120_000);

  test('has a key of its own, and none of these fields is in the key of a phase without them', async () => {
    const defaults = bilevelSchema.parse({});
    const key = (changes: Partial<Section>): Promise<string> => stageKey(stageByName('bilevel'), { input: { ...inputOf({}), corpus: ref('a'.repeat(64)), proxy: ref('b'.repeat(64)), target: ref('c'.repeat(64)), bilevel: { ...defaults, ...changes } }, scope: '' });
    const base = await key({});
    expect(await key({ schedule: 'cosine' })).toBe(base);
    const keys = [base, await key({ schedule: 'wsd' }), await key(STOPS), await key({ ...STOPS, stopAt: { rankCorrelation: 0.5, every: 2 } }), await key({ ...STOPS, stopAt: { rankCorrelation: 1e-9, every: 3 } })];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
