import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Ref } from '../../../lib/artifacts/index.js';
import { createModel } from '../../../lib/models/index.js';
import { trainedOfState, type TrainingProgram } from '../../../lib/programs/index.js';
import { stageByName, stageKey, type StageInputs } from '../../../lib/stages/index.js';
import { gather } from '../../../lib/stages/report/report-data.js';
import { digestState, writeState } from '../../../lib/stages/state.js';
import type { NamedArrays } from '../../../lib/tensor/index.js';
import { BATCH, batches, call, config, EMBEDDING, killedAfter, leaps, madeIn, metricsOf, programs, rewind, root, spoilt, STEPS, stoppedOften, store, tokenOf, trainingInput } from './divergence-runs.js';

const startParams = (): NamedArrays => createModel(config.models.target).init({ vocabularySize: config.models.vocabularySize, seed: '0' });
/** Adam's before the first update */
const noMoments = (): NamedArrays => Object.fromEntries(Object.entries(startParams()).flatMap(([name, { length }]) => [[`adam.m/${name}`, new Float32Array(length)], [`adam.u/${name}`, new Float32Array(length)]]));
const shapesOf = () => createModel(config.models.target).shapes(config.models.vocabularySize);

/** The initial state with the embeddings spoilt of one token for each place named. */
async function spoiltStart(places: readonly number[]): Promise<{ readonly ref: Ref; readonly params: NamedArrays }> {
  const tokens = places.map((place) => tokenOf([batches[place]], batches.filter((_, other) => other !== place)));
  const params = spoilt(startParams(), EMBEDDING, config.models.target.width, tokens);
  const folder = mkdtempSync(path.join(root, 'start-'));
  const state = { params, moments: noMoments(), updates: 0 };
  await writeState({ folder, state, shapes: shapesOf(), numerics: { digest: '', parts: { program: '', tensorflow: '', library: '', flags: '', device: '' }, notBitComparableFromStep: null } });
  return { ref: await store.publish({ kind: 'state', folder, digest: digestState(state, shapesOf()), lineage: { stage: 'training', stageVersion: 2, inputs: {} }, summary: {} }), params };
}

interface ByHand {
  readonly digest: string;
  readonly losses: readonly number[];
  /** places of the batches that were skipped */
  readonly skipped: readonly number[];
}

/** The steps one by one: the state before each is kept, and brought back where the batch is to be skipped. */
async function trainedByHand(params: NamedArrays, bad: (loss: number, before: readonly number[]) => boolean, { learningRate = 1e-3, steps = STEPS } = {}): Promise<ByHand> {
  const { model, vocabularySize, sequenceLength, adam, gradientClip, precision, recompute, compiler: mode } = trainingInput({});
  const program: TrainingProgram = await programs.training({ model, vocabularySize, sequenceLength, batchSize: BATCH, adam, gradientClip, precision, recompute, mode });
  program.setState(program.fresh({ params }));
  const losses: number[] = [];
  const skipped: number[] = [];
  for (let place = 0; losses.length < steps; place++) {
    const before = program.getState();
    const { loss } = program.step({ ids: batches[place].tokens, learningRate, update: losses.length + 1 });
    if (bad(loss, losses)) {
      skipped.push(place);
      program.setState(before);
    } else losses.push(loss);
  }
  const end = { ...trainedOfState(program.getState()), updates: steps };
  return { digest: digestState(end, shapesOf()), losses, skipped };
}

describe('training, where a batch gives a loss that is no number', () => {
  test('stops by default, and names step, rows and last checkpoint', async () => {
    const { ref } = await spoiltStart([3]);
    const stopped = call('training', trainingInput({ start: { state: ref }, checkpointEvery: 2 }), { run: 'stop' });
    await expect(stopped).rejects.toMatchObject({ code: 'LossDiverged', retryable: false, fix: expect.stringMatching(/divergence\.policy: rewind$/) });
    await expect(stopped).rejects.toThrow(`pretraining, step 4: loss NaN, gradientNorm NaN; rows of the step: ${batches[3].ids.join(', ')}; the last checkpoint is at step 2`);
  });

  test.each([
    { name: 'in the middle, with a checkpoint before', bad: [3], checkpointEvery: 2 },
    { name: 'in the middle, without', bad: [3], checkpointEvery: 100 },
    { name: 'right after a checkpoint', bad: [3], checkpointEvery: 3 },
    { name: 'in the first step', bad: [0], checkpointEvery: 2 },
    { name: 'in the last step', bad: [5], checkpointEvery: 4 },
    { name: 'in two steps in a row of the order, and one later', bad: [1, 2, 4], checkpointEvery: 100 },
  ])('rewinds to the bytes of a run whose order lacks the batch: $name', async ({ name, bad, checkpointEvery }) => {
    const { ref, params } = await spoiltStart(bad);
    const result = await call('training', trainingInput({ start: { state: ref }, checkpointEvery, divergence: rewind() }), { run: name.replaceAll(/[^a-z]+/g, '-') });
    const expected = await trainedByHand(params, Number.isNaN);
    expect(expected.skipped).toEqual(bad);
    expect(result.ref.digest).toBe(expected.digest);
    const metrics = await metricsOf(result.ref);
    expect(metrics.map((line) => [line['step'], line['loss']])).toEqual(expected.losses.map((loss, i) => [i + 1, loss]));
    // the step that takes the place of a skipped batch says so: the order goes on without it
    const stepOf = (place: number): number => place - bad.filter((other) => other < place).length + 1;
    expect(metrics.map((line) => line['skippedBatches'] ?? [])).toEqual(metrics.map((_, i) => bad.filter((place) => stepOf(place) === i + 1).map((place) => place + 1)));
    const { summary } = (await store.open(result.ref)).manifest;
    expect(summary['skipped']).toEqual(bad.map((place) => ({ step: stepOf(place), batch: place + 1, fault: 'loss NaN, gradientNorm NaN', figures: { loss: 'NaN', gradientNorm: 'NaN' }, rows: batches[place].ids, rowCount: BATCH })));
    expect(summary['note']).toContain(`${bad.length} ${bad.length === 1 ? 'batch' : 'batches'} skipped`);
  });

  test('a run that rewinds and has nothing to skip gives the artifact of one that stops', async () => {
    const rewinding = await call('training', trainingInput({ divergence: rewind({ spike: { window: 128, deviations: 6 } }) }), { run: 'nothing-to-skip' });
    expect(await madeIn(rewinding.ref)).toEqual(await madeIn((await call('training', trainingInput({}), { run: 'nothing-to-stop-at' })).ref));
  });

  test('comes to the same artifact however it is stopped or killed on the way', async () => {
    const { ref } = await spoiltStart([1, 3]);
    const input = (checkpointEvery: number): StageInputs['training'] => trainingInput({ start: { state: ref }, checkpointEvery, divergence: rewind() });
    const whole = await call('training', input(100), { run: 'undisturbed' });
    expect(whole.summary['skipped']).toHaveLength(2);
    for (const checkpointEvery of [2, 100]) {
      for (let n = 1; n <= STEPS; n++) {
        const run = `stopped-${checkpointEvery}-${n}`;
        await expect(call('training', input(checkpointEvery), { run, hooks: killedAfter(n) })).rejects.toThrow('killed');
        // one or two steps an attempt from here on: states of steps done again become checkpoints too
        const { result, stops } = await stoppedOften('training', input(checkpointEvery), { run, from: 2, steps: (attempt) => 1 + (attempt % 2) });
        expect(stops).toBeGreaterThan(0);
        expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
      }
    }
  }, 120_000);

  test('tells of each skipped batch in the log, and computes no step a third time for the one that follows', async () => {
    const { ref } = await spoiltStart([3, 4]);
    const events: string[] = [];
    const steps: number[] = [];
    await call('training', trainingInput({ start: { state: ref }, divergence: rewind() }), { run: 'told', hooks: { onEvent: ({ name, detail }) => void events.push(`${name}: ${detail}`), onProgress: async ({ step }) => void steps.push(step) } });
    expect(events).toEqual([
      `batch skipped: pretraining, step 4: loss NaN, gradientNorm NaN; batch 4 is skipped, rows ${batches[3].ids.join(', ')}; back to the start`,
      `batch skipped: pretraining, step 4: loss NaN, gradientNorm NaN; batch 5 is skipped, rows ${batches[4].ids.join(', ')}; back to step 3`,
    ]);
    expect(steps).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6]);
  });

  test('is told to readers of the report, beside the result and by its stage', async () => {
    const { ref } = await spoiltStart([3]);
    const notes: string[] = [];
    const result = await call('training', trainingInput({ start: { state: ref }, divergence: rewind() }), { run: 'reported', hooks: { onNote: (note) => void notes.push(note) } });
    const note = '1 batch skipped where numbers went bad: step 4 (batch 4: loss NaN, gradientNorm NaN)';
    expect(notes).toEqual([note]);
    const stage = { stage: 'seed-0/warm-up/target', name: 'training', seed: 0, arm: null, round: null, results: [result] } as const;
    const data = await gather({ run: 'test', config, opened: [{ stage, artifacts: [await store.open(result.ref)] }], timings: [JSON.stringify({ stage: stage.stage, attempt: 1, state: 'done', seconds: 1, step: 6 })], temporaryFolder: path.join(root, 'separating') });
    expect(data.notes).toEqual([`seed-0/warm-up/target: ${note}`]);
  });

  test('ends where more than maxSkipped are bad, naming them all', async () => {
    const { ref } = await spoiltStart([1, 2, 4]);
    const input = (maxSkipped: number): StageInputs['training'] => trainingInput({ start: { state: ref }, divergence: rewind({ maxSkipped }) });
    const ended = call('training', input(2), { run: 'limit' });
    await expect(ended).rejects.toMatchObject({ code: 'LossDiverged', fix: expect.stringMatching(/raise divergence\.maxSkipped$/) });
    await expect(ended).rejects.toThrow(`pretraining, step 3: loss NaN, gradientNorm NaN; rows of the step: ${batches[4].ids.join(', ')}; the last checkpoint is at step 1; skipped before, as many as divergence.maxSkipped allows: step 2 (batches 2 to 3: loss NaN, gradientNorm NaN)`);
    // raised, it goes on from there
    const steps: number[] = [];
    await call('training', input(3), { run: 'limit', attempt: 2, hooks: { onProgress: async ({ step }) => void steps.push(step) } });
    expect(steps[0]).toBe(2);
  });

  test('ends where no batch fixes it', async () => {
    const model = startParams();
    const folder = mkdtempSync(path.join(root, 'start-'));
    const state = { params: { ...model, [EMBEDDING]: model[EMBEDDING].map(() => Number.NaN) }, moments: noMoments(), updates: 0 };
    await writeState({ folder, state, shapes: shapesOf(), numerics: { digest: '', parts: { program: '', tensorflow: '', library: '', flags: '', device: '' }, notBitComparableFromStep: null } });
    const ref = await store.publish({ kind: 'state', folder, digest: digestState(state, shapesOf()), lineage: { stage: 'training', stageVersion: 2, inputs: {} }, summary: {} });
    await expect(call('training', trainingInput({ start: { state: ref }, divergence: rewind({ maxSkipped: 3 }) }), { run: 'hopeless' })).rejects.toThrow(/^pretraining, step 1: .*; skipped before, as many as divergence.maxSkipped allows: step 1 \(batches 1 to 3: loss NaN/);
  });
});

describe('training, where a loss leaps', () => {
  const spike = { window: 4, deviations: 0.2 };
  const steps = 8;
  // so small a rate that losses differ by their batches and not by what was learnt
  const schedule = { type: 'wsd', peak: 1e-5, warmUpSteps: 0 } as const;

  test('goes on by default, stops where spikes are looked for, and rewinds to the bytes of an order without the batches', async () => {
    const expected = await trainedByHand(startParams(), (loss, before) => leaps(loss, before, spike.deviations), { learningRate: 1e-5, steps });
    expect(expected.skipped.length).toBeGreaterThan(0);
    const [place] = expected.skipped;
    await expect(call('training', trainingInput({ steps, schedule, divergence: { policy: 'stop', maxSkipped: 10, spike } }), { run: 'spike-stop' })).rejects.toThrow(new RegExp(`^pretraining, step ${place + 1}: loss [0-9.]+ is a spike, above [0-9.]+; rows of the step: ${batches[place].ids[0]}, `));
    const result = await call('training', trainingInput({ steps, schedule, divergence: rewind({ spike }) }), { run: 'spike-rewind' });
    expect(result.ref.digest).toBe(expected.digest);
    expect((result.summary['skipped'] as { batch: number }[]).map(({ batch }) => batch - 1)).toEqual(expected.skipped);
    const plain = await call('training', trainingInput({ steps, schedule }), { run: 'spike-off' });
    expect(plain.summary['skipped']).toBeUndefined();
    expect(plain.ref.digest).not.toBe(result.ref.digest);
  });

  test('finds the same spikes in a stage that is stopped at every step', async () => {
    const input = trainingInput({ steps, schedule, divergence: rewind({ spike }) });
    const whole = await call('training', input, { run: 'spike-whole' });
    expect(whole.summary['skipped']).toBeDefined();
    const { result, stops } = await stoppedOften('training', input, { run: 'spike-stopped', steps: () => 1 });
    expect(stops).toBeGreaterThanOrEqual(steps - 1);
    expect(await madeIn(result.ref)).toEqual(await madeIn(whole.ref));
  });
});

test('the key of a stage holds what decides its result: rewind and its spikes, not what only ends it', async () => {
  const key = (divergence?: StageInputs['training']['divergence']): Promise<string> => stageKey(stageByName('training'), { input: trainingInput(divergence === undefined ? {} : { divergence }), scope: '' });
  const base = await key();
  expect(await key({ policy: 'stop', maxSkipped: 3, spike: { window: 8, deviations: 3 } })).toBe(base);
  const rewinding = await key(rewind());
  expect(rewinding).not.toBe(base);
  expect(await key(rewind({ maxSkipped: 3 }))).toBe(rewinding);
  const spiking = await key(rewind({ spike: { window: 8, deviations: 3 } }));
  expect([base, rewinding]).not.toContain(spiking);
  expect(await key(rewind({ spike: { window: 8, deviations: 4 } }))).not.toBe(spiking);
});
