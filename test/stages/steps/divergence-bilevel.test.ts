import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { digestTensors, type Ref } from '../../../lib/artifacts/index.js';
import { openDataset, readBatch, sampleRows, type BatchRequest, type TokenBatch } from '../../../lib/data/index.js';
import { createModel, createScoreModel, readSafetensors, writeSafetensors } from '../../../lib/models/index.js';
import { bilevelLearningRate } from '../../../lib/optim/index.js';
import { groupOf } from '../../../lib/programs/index.js';
import { permutation } from '../../../lib/random.js';
import { flattenHeldOut } from '../../../lib/stages/steps/batch.js';
import { openCorpus } from '../../../lib/stages/contents/corpus.js';
import type { StageInputs, StageResult } from '../../../lib/stages/index.js';
import { readArrays } from '../../../lib/stages/state.js';
import { readTrainedRows } from '../../../lib/stages/contents/trained-rows.js';
import type { NamedArrays } from '../../../lib/tensor/index.js';
import { BATCH, blobs, call, config, corpus, EMBEDDING, killedAfter, leaps, madeIn, metricsOf, programs, rewind, root, spoilt, stopAfter, stoppedOften, store, tokenOf, trainingInput } from './divergence-runs.js';

const OUTER = 4;
const INNER = 2;
const DEVIATIONS = 0.01;
const bilevelInput = (scorer: Ref | null, more: Partial<StageInputs['bilevel']> = {}, checkpointEvery = 100): StageInputs['bilevel'] => ({
  bilevel: { ...config.bilevel, outerSteps: OUTER, innerSteps: INNER, checkpointEvery, batchSize: BATCH, validationBatchSize: BATCH, solver: { ...config.bilevel.solver, start: 'warm' } },
  models: config.models,
  sequenceLength: config.data.sequenceLength,
  corpus,
  group: 1,
  proxy: warm.ref,
  target: warm.ref,
  scorer,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: '0/round-1',
  ...more,
});
let warm: StageResult;

describe('the bilevel phase, where numbers go bad', () => {
  /** minibatches by place in the order: the inner ones, then the outer one */
  let places: readonly (readonly TokenBatch[])[];
  let scorer: Ref;
  const BAD = 1;

  beforeAll(async () => {
    warm = await call('training', trainingInput({}), { run: 'warm' });
    const { artifact, index } = await openCorpus(store, corpus);
    const dataset = await openDataset(artifact, index.groups[1]);
    const subset = sampleRows(64, 1, '0/round-1/training-subset');
    const read = (step: number, part: 0 | 1): Promise<TokenBatch> => {
      const request: BatchRequest = { kind: 'ordered', seed: '0/round-1/rows', step, part: { of: 2, index: part } };
      return readBatch({ dataset, request, batchSize: BATCH, subset });
    };
    const count = OUTER + 1;
    // more inner minibatches than one epoch has: rows of before come again after place 3
    places = await Promise.all(Array.from({ length: count }, (_, place) => Promise.all([...Array.from({ length: INNER }, (_one, k) => read(place * INNER + k, 0)), read(place, 1)])));
    const token = tokenOf([places[BAD][1]], places.flatMap((one, place) => one.filter((_, k) => place !== BAD || k !== 1)));
    const { vocabularySize, proxy } = config.models;
    const model = createScoreModel(createModel(proxy));
    const fresh = model.fromProxy({ proxy: await readArrays(await store.open(warm.ref), 'weights.safetensors'), vocabularySize, seed: 'score' });
    const folder = mkdtempSync(path.join(root, 'scorer-'));
    const arrays = spoilt(fresh, Object.keys(fresh).find((name) => name.endsWith(EMBEDDING)) ?? '', proxy.width, [token]);
    await writeSafetensors({ path: path.join(folder, 'score.safetensors'), arrays, shapes: model.shapes(vocabularySize) });
    scorer = await store.publish({ kind: 'scorer', folder, digest: digestTensors(arrays, model.shapes(vocabularySize)), lineage: { stage: 'bilevel', stageVersion: 3, inputs: {} }, summary: {} });
  }, 60_000);

  test('stops by default, and names step, rows and last checkpoint', async () => {
    const rows = places[BAD].flatMap(({ ids }) => ids);
    await expect(call('bilevel', bilevelInput(scorer, {}, 1), { run: 'bilevel-stop' })).rejects.toThrow(new RegExp(`^bilevel, outer step ${BAD + 1}: .*lowerLoss NaN.*; rows of the step: ${rows.slice(0, 8).join(', ')}, … \\(12 in all\\); the last checkpoint is at step ${BAD}`));
  });

  test('rewinds to the bytes of a phase whose order lacks the minibatches, and counts no row of them as trained on', async () => {
    const result = await call('bilevel', bilevelInput(scorer, { divergence: rewind() }), { run: 'bilevel-rewind' });

    // the same by hand: the outer steps one by one, from the state that an undisturbed phase has after the step before
    const before = { steps: BAD, state: await stateAfter(BAD) };
    const { bilevel: hyper, models, sequenceLength } = bilevelInput(scorer);
    const program = await programs.bilevel({ proxy: models.proxy, target: models.target, vocabularySize: models.vocabularySize, sequenceLength, bilevel: { ...hyper, checkpointEvery: 1 }, precision: 'float32', recompute: 'none', mode: 'graph' });
    const target = Object.entries(await readArrays(await store.open(warm.ref), 'weights.safetensors')).map(([name, array]) => [`target/${name}`, array] as const);
    program.setState({ ...before.state, ...Object.fromEntries(target) });
    const validation = await (await openCorpus(store, corpus)).heldOut('validation');
    const upper: number[] = [];
    for (let step = before.steps; step < OUTER; step++) {
      const place = step + 1;
      const minibatches = places[place];
      const rate = (peak: number): number => bilevelLearningRate({ step, peak, warmUpFraction: hyper.warmUpFraction, outerSteps: OUTER });
      for (let k = 0; k < INNER; k++) program.innerStep({ ids: minibatches[k].tokens, learningRate: rate(hyper.proxy.peakLearningRate), update: step * INNER + k + 1, first: step === 0 });
      // eight validation examples make two minibatches an epoch
      const at = permutation(8, '0/round-1', 'validation', place >> 1).subarray((place % 2) * BATCH, (place % 2 + 1) * BATCH);
      const { ids: validationIds, mask: validationMask } = flattenHeldOut(Array.from(at, (i) => validation[i]), sequenceLength, hyper.validationLoss);
      upper.push(program.outerStep({ validationIds, validationMask, ids: minibatches[INNER].tokens, learningRate: rate(hyper.score.peakLearningRate), update: step + 1, proxyUpdates: (step + 1) * INNER, first: step === 0 }).upperLoss);
    }
    const { arrays } = await readSafetensors(await (await store.open(result.ref)).file('score.safetensors'));
    const score = groupOf(program.getState(), 'score');
    const shapes = createScoreModel(createModel(models.proxy)).shapes(models.vocabularySize);
    expect(digestTensors(arrays, shapes)).toBe(digestTensors(score, shapes));
    expect(result.ref.digest).toBe(digestTensors(score, shapes));
    const metrics = await metricsOf(result.ref);
    expect(metrics.map((line) => line['step'])).toEqual([1, 2, 3, 4]);
    expect(metrics.slice(BAD).map((line) => line['upperLoss'])).toEqual(upper);
    expect(metrics.map((line) => line['skippedBatches'])).toEqual([undefined, [BAD + 1], undefined, undefined]);
    expect(result.summary['skipped']).toMatchObject([{ step: BAD + 1, batch: BAD + 1, rows: places[BAD].flatMap(({ ids }) => ids).slice(0, 8), rowCount: 12 }]);
    const used = await readTrainedRows(await store.open(result.ref));
    const seen = new Set(places.filter((_, place) => place !== BAD).flatMap((one) => one.flatMap(({ indices }) => [...indices])));
    expect(Array.from({ length: 64 }, (_, row) => row).filter((row) => used.has(row))).toEqual([...seen].sort((a, b) => a - b));
    expect(places[BAD].some(({ indices }) => indices.some((row) => !seen.has(row)))).toBe(true);
    expect(result.summary['trainedRows']).toBe(seen.size);
  }, 60_000);

  /** What a checkpoint of a phase that stops there holds. */
  async function stateAfter(steps: number): Promise<NamedArrays> {
    await expect(call('bilevel', bilevelInput(scorer), { run: 'bilevel-before', hooks: stopAfter(steps) })).rejects.toMatchObject({ code: 'Stopped' });
    const [checkpoint] = (await blobs.list('checkpoints/bilevel-before/')).filter(({ key }) => key.endsWith('bilevel.safetensors'));
    return (await readSafetensors(await blobs.localFile(checkpoint.key))).arrays;
  }

  test('comes to the same artifact however it is stopped or killed on the way', async () => {
    const input = (checkpointEvery: number): StageInputs['bilevel'] => bilevelInput(scorer, { divergence: rewind() }, checkpointEvery);
    const whole = await call('bilevel', input(100), { run: 'bilevel-undisturbed' });
    for (const [checkpointEvery, n] of [[100, 1], [100, 2], [100, 3], [2, 4]]) {
      const run = `bilevel-stopped-${checkpointEvery}-${n}`;
      await expect(call('bilevel', input(checkpointEvery), { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
      const { result, stops } = await stoppedOften('bilevel', input(checkpointEvery), { run, from: 2, steps: () => 1 });
      expect(stops).toBeGreaterThan(0);
      expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
    }
  }, 120_000);

  test('ends where more than maxSkipped are bad', async () => {
    await expect(call('bilevel', bilevelInput(scorer, { divergence: rewind({ maxSkipped: 0 }) }), { run: 'bilevel-limit' })).rejects.toMatchObject({ code: 'LossDiverged' });
  });

  // all eight validation examples in every step: the upper loss only falls. Four: it differs by which they are
  test.each([{ loss: 'lowerLoss', validationBatchSize: 8 }, { loss: 'upperLoss', validationBatchSize: 4 }])('looks for spikes of both losses: $loss', async ({ loss, validationBatchSize }) => {
    const input = (divergence?: StageInputs['bilevel']['divergence']): StageInputs['bilevel'] => {
      const usual = bilevelInput(null, divergence === undefined ? {} : { divergence });
      return { ...usual, bilevel: { ...usual.bilevel, validationBatchSize } };
    };
    const lines = await metricsOf((await call('bilevel', input(), { run: `bilevel-plain-${loss}` })).ref);
    const leapOf = (name: string): number => lines.findIndex((line, i) => leaps(Number(line[name]), lines.slice(0, i).map((one) => Number(one[name])), DEVIATIONS));
    const step = leapOf(loss) + 1;
    expect(step).toBeGreaterThan(2); // half a window is not judged
    const spike = { window: 4, deviations: DEVIATIONS };
    await expect(call('bilevel', input({ policy: 'stop', maxSkipped: 10, spike }), { run: `bilevel-spike-${loss}` })).rejects.toThrow(new RegExp(`^bilevel, outer step ${step}: ${loss} [0-9.]+ is a spike, above [0-9.]+; rows of the step: `));
    if (loss !== 'upperLoss') return;
    // the validation minibatch is skipped with the rows: the next one's loss is another
    const { ref, summary } = await call('bilevel', input(rewind({ maxSkipped: 100, spike })), { run: 'bilevel-spike-rewind' });
    expect(summary['skipped']).toContainEqual(expect.objectContaining({ step, fault: expect.stringContaining(`${loss} `) as unknown }));
    const kept = await metricsOf(ref);
    expect(kept).toHaveLength(OUTER);
    for (const name of ['upperLoss', 'lowerLoss']) kept.forEach((line, i) => expect(leaps(Number(line[name]), kept.slice(0, i).map((one) => Number(one[name])), DEVIATIONS), `${name} of step ${i + 1}`).toBe(false));
  });
});
