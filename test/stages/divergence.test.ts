import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { digestTensors, fileBlobs, openStore, type Ref } from '../../lib/artifacts/index.js';
import { openDataset, readBatch, sampleRows, type BatchRequest, type TokenBatch } from '../../lib/data/index.js';
import { BlissError } from '../../lib/errors.js';
import { createModel, createScoreModel, readSafetensors, writeSafetensors } from '../../lib/models/index.js';
import { bilevelLearningRate } from '../../lib/optim/index.js';
import { ProgramCache, type TrainingProgram } from '../../lib/programs/index.js';
import { flattenHeldOut } from '../../lib/stages/batch.js';
import { openCorpus, openSelection } from '../../lib/stages/corpus.js';
import { executeStage, stageByName, stageKey, type StageHooks, type StageInputs, type StageName, type StageResult } from '../../lib/stages/index.js';
import { digestState, readArrays, selectArrays, underPrefix, withPrefix, writeState, zeroMoments } from '../../lib/stages/state.js';
import { readTrainedRows } from '../../lib/stages/trained-rows.js';
import { permutation } from '../../lib/random.js';
import type { NamedArrays } from '../../lib/tensor/index.js';

/**
 * Numbers gone bad for a true reason: a weight of one rare token's embedding is no number, so that the batches that have the token, and no
 * others, give a loss that is none. What comes of skipping them is held against the same steps done here one by one, on an order of
 * batches made by hand, with the state before each step kept in memory.
 */
const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-divergence-'));
const blobs = fileBlobs({ root: path.join(root, 'store') });
const store = openStore({ blobs });
const programs = new ProgramCache({ limit: 8 });
const BATCH = 4;
const STEPS = 6;
let config: RunConfig;
let corpus: Ref;
let drawn: Ref;
/** of training, by place in the order of data */
let batches: readonly TokenBatch[];

interface Call {
  /** attempts of one run share checkpoints; each run has a scope of its own, so that none finds what another has finished */
  readonly run: string;
  readonly attempt?: number;
  readonly hooks?: Partial<StageHooks>;
}

const call = <Name extends StageName>(name: Name, input: StageInputs[Name], { run, attempt = 1, hooks = {} }: Call): Promise<StageResult> =>
  executeStage({
    stage: stageByName(name),
    task: { name, run, stage: name, input, fencingToken: { epoch: 1, attempt }, scope: run, keepCheckpoints: 2 },
    store,
    blobs,
    programs,
    scratch: path.join(root, 'scratch'),
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined, ...hooks },
  });

/** asks the stage to stop after so many steps of the attempt, those done again included */
function stopAfter(steps: number): Partial<StageHooks> {
  let done = 0;
  return { onProgress: async () => void done++, stopReason: () => (done >= steps ? 'the test says so' : undefined) };
}
function killedAfter(steps: number): Partial<StageHooks> {
  let done = 0;
  return { onProgress: async () => (++done >= steps ? Promise.reject(new Error('killed')) : undefined) };
}

/** Attempt after attempt, each stopped after a few steps, until one comes to the end. */
async function stoppedOften<Name extends StageName>(name: Name, input: StageInputs[Name], { run, from = 1, steps }: { readonly run: string; readonly from?: number; readonly steps: (attempt: number) => number }): Promise<{ readonly result: StageResult; readonly stops: number }> {
  for (let attempt = from; attempt < from + 40; attempt++) {
    try {
      return { result: await call(name, input, { run, attempt, hooks: stopAfter(steps(attempt)) }), stops: attempt - from };
    } catch (error) {
      if (!(error instanceof BlissError && error.code === 'Stopped')) throw error;
    }
  }
  throw new Error('it comes to no end');
}

const rewind = (more: Partial<NonNullable<StageInputs['training']['divergence']>> = {}): StageInputs['training']['divergence'] => ({ policy: 'rewind', maxSkipped: 10, ...more });

async function metricsOf(ref: Ref): Promise<Record<string, unknown>[]> {
  const text = await readFile(await (await store.open(ref)).file('metrics.jsonl'), 'utf8');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

const rowsOf = (places: Iterable<TokenBatch>): Set<number> => new Set([...places].flatMap(({ tokens }) => [...tokens]));

/** A token that every one of some batches has and none of the others. */
function tokenOf(wanted: readonly TokenBatch[], others: readonly TokenBatch[]): number {
  const elsewhere = rowsOf(others);
  const token = [...rowsOf(wanted)].find((one) => !elsewhere.has(one) && wanted.every(({ tokens }) => tokens.includes(one)));
  if (token === undefined) throw new Error('the corpus has no such token');
  return token;
}

/** Embeddings in which a token is no number. */
function spoilt(arrays: NamedArrays, name: string, width: number, tokens: readonly number[]): NamedArrays {
  const embedding = Float32Array.from(arrays[name]);
  for (const token of tokens) embedding[token * width] = Number.NaN;
  return { ...arrays, [name]: embedding };
}

beforeAll(async () => {
  ({ config } = loadConfig({ source: 'smoke', overrides: ['data.rowsPerGroup=64', 'data.rowsPerShard=32', 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'warmUp.batchSize=4', 'pretraining.batchSize=4'], cwd: root }));
  corpus = (await call('prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder: root }, { run: 'inputs' })).ref;
  drawn = (await call('selection', { selector: 'random', fraction: 0.75, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 0, scores: [], seed: '0' }, { run: 'inputs' })).ref;
  const { artifact, index } = await openSelection({ store, ref: drawn, batchSize: BATCH, stage: 'test' });
  const dataset = await openDataset(artifact, index);
  // 48 rows: twelve batches before a row comes again
  batches = await Promise.all(Array.from({ length: 12 }, (_, step) => readBatch({ dataset, request: { kind: 'ordered', seed: 'order', step }, batchSize: BATCH })));
}, 120_000);

const EMBEDDING = 'gpt_neox.embed_in.weight';
const startParams = (): NamedArrays => createModel(config.models.target).init({ vocabularySize: config.models.vocabularySize, seed: '0' });
const shapesOf = () => createModel(config.models.target).shapes(config.models.vocabularySize);

/** The initial state with the embeddings spoilt of one token for each place named. */
async function spoiltStart(places: readonly number[]): Promise<{ readonly ref: Ref; readonly params: NamedArrays }> {
  const tokens = places.map((place) => tokenOf([batches[place]], batches.filter((_, other) => other !== place)));
  const params = spoilt(startParams(), EMBEDDING, config.models.target.width, tokens);
  const folder = mkdtempSync(path.join(root, 'start-'));
  const state = { params, moments: zeroMoments(shapesOf()), updates: 0 };
  await writeState({ folder, state, shapes: shapesOf(), numerics: { digest: '', parts: { program: '', tensorflow: '', library: '', flags: '', device: '' }, notBitComparableFromStep: null } });
  return { ref: await store.publish({ kind: 'state', folder, digest: digestState(state, shapesOf()), lineage: { stage: 'training', stageVersion: 2, inputs: {} }, summary: {} }), params };
}

const trainingInput = (more: Partial<StageInputs['training']>): StageInputs['training'] => ({
  purpose: 'pretraining',
  model: config.models.target,
  vocabularySize: config.models.vocabularySize,
  sequenceLength: config.data.sequenceLength,
  selection: drawn,
  start: { seed: '0' },
  steps: STEPS,
  batchSize: BATCH,
  schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 0 },
  gradientClip: 1,
  adam: config.pretraining.adam,
  checkpointEvery: 100,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: 'order',
  ...more,
});

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
  program.setState({ ...withPrefix(params, 'params'), ...zeroMoments(shapesOf()) });
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
  const arrays = program.getState();
  const end = { params: underPrefix(arrays, 'params'), moments: selectArrays(arrays, (name) => !name.startsWith('params/')), updates: steps };
  return { digest: digestState(end, shapesOf()), losses, skipped };
}

describe('training, where a batch gives a loss that is no number', () => {
  test('stops by default, and names step, rows and last checkpoint', async () => {
    const { ref } = await spoiltStart([3]);
    const stopped = call('training', trainingInput({ start: { state: ref }, checkpointEvery: 2 }), { run: 'stop' });
    await expect(stopped).rejects.toMatchObject({ code: 'LossDiverged', retryable: false });
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
        expect(result.ref).toEqual(whole.ref);
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

  test('ends where more than maxSkipped are bad, naming them all', async () => {
    const { ref } = await spoiltStart([1, 2, 4]);
    const input = (maxSkipped: number): StageInputs['training'] => trainingInput({ start: { state: ref }, divergence: rewind({ maxSkipped }) });
    const ended = call('training', input(2), { run: 'limit' });
    await expect(ended).rejects.toMatchObject({ code: 'LossDiverged' });
    await expect(ended).rejects.toThrow(`pretraining, step 3: loss NaN, gradientNorm NaN; rows of the step: ${batches[4].ids.join(', ')}; the last checkpoint is at step 1; skipped before, as many as divergence.maxSkipped allows: step 2 (batch 2: loss NaN, gradientNorm NaN), step 2 (batch 3: loss NaN, gradientNorm NaN)`);
    // raised, it goes on from there
    const steps: number[] = [];
    await call('training', input(3), { run: 'limit', attempt: 2, hooks: { onProgress: async ({ step }) => void steps.push(step) } });
    expect(steps[0]).toBe(2);
  });

  test('ends where no batch mends it', async () => {
    const model = startParams();
    const folder = mkdtempSync(path.join(root, 'start-'));
    const state = { params: { ...model, [EMBEDDING]: model[EMBEDDING].map(() => Number.NaN) }, moments: zeroMoments(shapesOf()), updates: 0 };
    await writeState({ folder, state, shapes: shapesOf(), numerics: { digest: '', parts: { program: '', tensorflow: '', library: '', flags: '', device: '' }, notBitComparableFromStep: null } });
    const ref = await store.publish({ kind: 'state', folder, digest: digestState(state, shapesOf()), lineage: { stage: 'training', stageVersion: 2, inputs: {} }, summary: {} });
    await expect(call('training', trainingInput({ start: { state: ref }, divergence: rewind({ maxSkipped: 3 }) }), { run: 'hopeless' })).rejects.toThrow(/^pretraining, step 1: .*step 1 \(batch 1: .*step 1 \(batch 2: .*step 1 \(batch 3: /);
  });
});

/** As the section says, in other words: of the last four losses, at least two. */
function leaps(loss: number, before: readonly number[], deviations: number): boolean {
  const window = before.slice(-4);
  if (window.length < 2) return false;
  const mean = window.reduce((a, b) => a + b) / window.length;
  return loss - mean > deviations * Math.sqrt(window.map((one) => (one - mean) ** 2).reduce((a, b) => a + b) / (window.length - 1));
}

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
    expect(result.ref).toEqual(whole.ref);
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

describe('the bilevel phase, where an outer step gives a loss that is no number', () => {
  /** minibatches by place in the order: the inner ones, then the outer one */
  let places: readonly (readonly TokenBatch[])[];
  let scorer: Ref;
  const BAD = 1;

  beforeAll(async () => {
    warm = await call('training', trainingInput({ checkpointEvery: 100 }), { run: 'warm' });
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
    program.setState({ ...before.state, ...withPrefix(await readArrays(await store.open(warm.ref), 'weights.safetensors'), 'target') });
    const validation = await (await openCorpus(store, corpus)).heldOut('validation');
    const upper: number[] = [];
    for (let step = before.steps; step < OUTER; step++) {
      const minibatches = places[step + 1];
      const rate = (peak: number): number => bilevelLearningRate({ step, peak, warmUpFraction: hyper.warmUpFraction, outerSteps: OUTER });
      for (let k = 0; k < INNER; k++) program.innerStep({ ids: minibatches[k].tokens, learningRate: rate(hyper.proxy.peakLearningRate), update: step * INNER + k + 1, first: step === 0 });
      // eight validation examples make two minibatches an epoch
      const at = permutation(8, '0/round-1', 'validation', step >> 1).subarray((step % 2) * BATCH, (step % 2 + 1) * BATCH);
      const { ids: validationIds, mask: validationMask } = flattenHeldOut(Array.from(at, (i) => validation[i]), sequenceLength, hyper.validationLoss);
      upper.push(program.outerStep({ validationIds, validationMask, ids: minibatches[INNER].tokens, learningRate: rate(hyper.score.peakLearningRate), update: step + 1, first: step === 0 }).upperLoss);
    }
    const { arrays } = await readSafetensors(await (await store.open(result.ref)).file('score.safetensors'));
    const score = underPrefix(program.getState(), 'score');
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
      expect(result.ref).toEqual(whole.ref);
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
    // validation minibatches belong to steps, not to the order: other rows mend nothing
    await expect(call('bilevel', input(rewind({ maxSkipped: 2, spike })), { run: 'bilevel-spike-rewind' })).rejects.toThrow(`skipped before, as many as divergence.maxSkipped allows: step ${step} (batch ${step}: upperLoss `);
  });
});
