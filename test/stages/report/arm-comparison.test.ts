import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { writeParquet } from '../../../lib/data/index.js';
import { flopsPerToken } from '../../../lib/models/index.js';
import type { StageTiming } from '../../../lib/report/index.js';
import { armComparison } from '../../../lib/stages/report/arm-comparison.js';
import type { OpenedStage } from '../../../lib/stages/report/opened-stage.js';
import { selectedFile } from '../../../lib/stages/selection/selected-file.js';
import type { FinishedStage } from '../../../lib/stages/types.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-arms-'));
afterAll(() => rmSync(root, { recursive: true }));
const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
const ROWS = 20;
let made = 0;

/** A finished stage that read nothing: what it made lies in the store. */
async function stageOf({ name, arm, round = 1, seed = 0, cached = [false], rows, group = round }: Pick<FinishedStage, 'name' | 'arm'> & { readonly round?: number; readonly seed?: number; readonly cached?: readonly boolean[]; /** of a selection */ readonly rows?: readonly number[]; readonly group?: number | null }): Promise<OpenedStage> {
  const results = await Promise.all(cached.map(async (found) => {
    const folder = path.join(root, String(made++));
    mkdirSync(folder);
    await writeParquet({ ...selectedFile(folder), rows: (rows ?? []).map((index, rank) => ({ id: `s:${index}`, index, source: 's', rank, score: null })) });
    const summary = { group, rows: ROWS };
    const ref = await store.publish({ kind: 'selection', folder, digest: String(made), lineage: { stage: name, stageVersion: 1, inputs: {} }, summary });
    return { ref, summary, cached: found };
  }));
  const stage = `seed-${seed}/${arm ?? 'warm-up'}/round-${round}/${name}`;
  return { stage: { stage, name, seed, arm, round, results }, artifacts: await Promise.all(results.map(({ ref }) => store.open(ref))) };
}

const { config } = loadConfig({ source: 'smoke', overrides: ['comparison.arms=[{name: ours, selector: bliss}, {name: chance, selector: random}, {name: grams, selector: dsir}, {name: easy, selector: perplexity-low}]'], cwd: process.cwd() });

test('an arm’s overlap with another is the share of its own rows, the mean over the rounds and seeds that both have, of one group', async () => {
  const { overlaps } = await armComparison({
    config,
    opened: [
      await stageOf({ name: 'selection', arm: null, rows: [0, 1, 2] }), // the warm-up's
      await stageOf({ name: 'selection', arm: 'ours', rows: [0, 7, 8, 19] }),
      await stageOf({ name: 'selection', arm: 'chance', rows: [7, 19, 3, 4, 5] }),
      await stageOf({ name: 'selection', arm: 'ours', round: 2, rows: [5] }),
      await stageOf({ name: 'selection', arm: 'chance', round: 2, rows: [5] }),
      await stageOf({ name: 'selection', arm: 'ours', seed: 1, rows: [1, 2] }),
      await stageOf({ name: 'selection', arm: 'grams', rows: [0] }),
      await stageOf({ name: 'selection', arm: 'easy', rows: [0, 7], group: null }), // of all groups together
    ],
    timings: [],
  });
  const share = (a: string, b: string): number | undefined => overlaps.find((one) => one.a === a && one.b === b)?.share;
  expect(share('ours', 'chance')).toBeCloseTo((2 / 4 + 1) / 2, 12);
  expect(share('chance', 'ours')).toBeCloseTo((2 / 5 + 1) / 2, 12);
  expect([share('ours', 'grams'), share('grams', 'ours'), share('grams', 'chance')]).toEqual([1 / 4, 1, 0]);
  expect(overlaps).toHaveLength(6);
});

test('choosing costs the time of an arm’s own stages before training, and the products of those that were computed in part or whole', async () => {
  const stages = await Promise.all([
    stageOf({ name: 'scoring', arm: 'easy', cached: [true, false] }),
    stageOf({ name: 'selection', arm: 'easy', rows: [1] }),
    stageOf({ name: 'training', arm: 'easy' }),
    stageOf({ name: 'scoring', arm: 'easy', round: 2, cached: [true, true] }),
    stageOf({ name: 'scoring', arm: 'grams' }),
  ]);
  const timings = stages.map(({ stage: { stage } }, i): StageTiming => ({ stage, seconds: 10 ** i, attempts: 1, cached: false }));
  const { costs } = await armComparison({ config, opened: stages, timings });
  const { models, data } = config;
  const forward = data.sequenceLength * flopsPerToken({ model: models.proxy, vocabularySize: models.vocabularySize, sequenceLength: data.sequenceLength }).forward;
  expect(costs).toMatchObject([
    { arm: 'ours', seconds: 0, flops: 0 },
    { arm: 'chance', seconds: 0, flops: 0 },
    { arm: 'grams', seconds: 10_000, flops: 0 }, // n-grams are counted
    { arm: 'easy', seconds: 1 + 10 + 1_000, flops: data.rowsPerGroup * forward },
  ]);
});

test('a round costs an arm the mean of what its stages took where they were computed whole, by itself or by an arm that had the same to compute', async () => {
  const sameAs = (one: OpenedStage, stage: string, arm: string): OpenedStage => ({ ...one, stage: { ...one.stage, stage, arm, results: one.stage.results.map((result) => ({ ...result, cached: true })) } });
  const middle = { ...config, comparison: { arms: [...config.comparison.arms, { name: 'middle', selector: 'perplexity-middle' as const }] } };
  const scoring = await stageOf({ name: 'scoring', arm: 'easy', cached: [false, false] });
  const stages = [
    scoring,
    await stageOf({ name: 'selection', arm: 'easy' }),
    await stageOf({ name: 'scoring', arm: 'easy', round: 2, cached: [false, false] }),
    await stageOf({ name: 'selection', arm: 'easy', round: 2 }),
    await stageOf({ name: 'training', arm: 'easy' }),
    sameAs(scoring, 'seed-0/middle/round-1/scoring', 'middle'),
    await stageOf({ name: 'selection', arm: 'middle' }),
    await stageOf({ name: 'scoring', arm: 'middle', round: 2, cached: [true, false] }), // in part: its time is not that of a scoring
    await stageOf({ name: 'lexical', arm: 'grams', cached: [true] }), // of another run: who knows
    await stageOf({ name: 'selection', arm: 'grams' }),
  ];
  const seconds = [10, 1, 30, 3, 500, 0, 4, 7, 0, 5];
  const timings = stages.map(({ stage: { stage, results } }, i): StageTiming => ({ stage, seconds: seconds[i], attempts: 1, cached: results.every(({ cached }) => cached) }));
  const { costs } = await armComparison({ config: middle, opened: stages, timings });
  const perRound = new Map(costs.map((one) => [one.arm, one.perRound]));
  const { models, data } = config;
  const flops = data.rowsPerGroup * data.sequenceLength * flopsPerToken({ model: models.proxy, vocabularySize: models.vocabularySize, sequenceLength: data.sequenceLength }).forward;
  expect(perRound.get('easy')).toEqual({ seconds: 20 + 2, flops });
  expect(perRound.get('middle')).toEqual({ seconds: 10 + 4, flops });
  expect(perRound.get('grams')).toEqual({ seconds: null, flops: 0 });
  expect(perRound.get('ours')).toBeUndefined();
  // an attempt whose line is lost took nobody knows how long
  const lost = timings.map((one) => (one.stage.endsWith('scoring') ? { ...one, attempts: 0, seconds: 0 } : one));
  expect((await armComparison({ config, opened: stages, timings: lost })).costs.find(({ arm }) => arm === 'easy')?.perRound?.seconds).toBeNull();
});

test('what all rounds have in common costs a round its share: a fine-tune that later rounds find finished was paid once', async () => {
  const color = { ...config, comparison: { arms: [{ name: 'tuned', selector: 'color' as const }] } };
  const tuned = await stageOf({ name: 'color', arm: 'tuned' });
  const found: OpenedStage = { ...tuned, stage: { ...tuned.stage, stage: 'seed-0/tuned/round-2/color', round: 2, results: tuned.stage.results.map((result) => ({ ...result, cached: true })) } };
  const stages = [tuned, found, await stageOf({ name: 'scoring', arm: 'tuned' }), await stageOf({ name: 'scoring', arm: 'tuned', round: 2 })];
  const timings = stages.map(({ stage: { stage, results } }, i): StageTiming => ({ stage, seconds: [40, 0, 5, 7][i], attempts: 1, cached: results.every(({ cached }) => cached) }));
  const [{ perRound }] = (await armComparison({ config: color, opened: stages, timings })).costs;
  const whole = (await armComparison({ config: color, opened: [tuned, stages[2]], timings })).costs[0].perRound;
  expect(perRound?.seconds).toBe(40 / 2 + 6);
  expect(whole?.seconds).toBe(40 + 5);
  expect(perRound?.flops).toBeLessThan(whole?.flops ?? 0);
});

test('a score model of features alone takes no pass to score rows', async () => {
  const scored = async (backbone: boolean): Promise<number | undefined> => {
    const score = { ...config.bilevel.score, features: ['dsir' as const], backbone };
    return (await armComparison({ config: { ...config, bilevel: { ...config.bilevel, score } }, opened: [await stageOf({ name: 'scoring', arm: 'ours' })], timings: [] })).costs[0].perRound?.flops;
  };
  expect(await scored(false)).toBe(0);
  expect(await scored(true)).toBeGreaterThan(0);
});

test('a target that was given has no warm-up whose tokens count', async () => {
  const { warmUp, pretraining, data: { sequenceLength } } = config;
  const tokensOf = async (of: typeof config) => (await armComparison({ config: of, opened: [], timings: [] })).tokens;
  const round = pretraining.steps * pretraining.batchSize * sequenceLength;
  expect(await tokensOf(config)).toEqual({ warmUp: warmUp.steps * warmUp.batchSize * sequenceLength, round });
  expect(await tokensOf({ ...config, models: { ...config.models, target: { ...config.models.target, from: 'weights' } } })).toEqual({ warmUp: 0, round });
});
