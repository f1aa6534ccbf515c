import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, type RunConfig } from '../../config/index.js';
import { digestRows, fileBlobs, openStore, type Ref } from '../../lib/artifacts/index.js';
import { parquetRows, type DataWait } from '../../lib/data/index.js';
import { createModel, readSafetensors } from '../../lib/models/index.js';
import { ProgramCache } from '../../lib/programs/index.js';
import { openCorpus } from '../../lib/stages/contents/corpus.js';
import { executeStage, stageByName, stageKey, type StageHooks, type StageInputs, type StageName, type StageResult, type StageTask } from '../../lib/stages/index.js';
import { tf } from '../../lib/tensor/index.js';
import { idsOf, tensorsOf } from '../models/tiny.js';

/** Stages called directly, without Temporal: the smallest run there is. */
const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-stages-'));
const programs = new ProgramCache({ limit: 8 });
let config: RunConfig;

interface Call {
  readonly home?: string;
  readonly attempt?: number;
  readonly scope?: string;
  readonly hooks?: Partial<StageHooks>;
  readonly stage?: string;
}

function open(home: string) {
  const blobs = fileBlobs({ root: path.join(root, home) });
  return { blobs, store: openStore({ blobs }) };
}

async function call<Name extends StageName>(name: Name, input: StageInputs[Name], { home = 'main', attempt = 1, scope = '', hooks = {}, stage = name }: Call = {}): Promise<StageResult> {
  const task: StageTask<Name> = { name, run: 'test', stage, input, fencingToken: { epoch: 1, attempt }, scope, keepCheckpoints: 2 };
  const { blobs, store } = open(home);
  return executeStage({
    stage: stageByName(name),
    task,
    store,
    blobs,
    programs,
    scratch: path.join(root, 'scratch'),
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined, ...hooks },
  });
}

let corpus: StageResult;
let drawn: StageResult;
let warm: StageResult;
const prepareInput = (): StageInputs['prepare'] => ({ data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder: root });
const trainingInput = (steps = 6): StageInputs['training'] => ({
  purpose: 'warm-up',
  model: config.models.target,
  vocabularySize: config.models.vocabularySize,
  sequenceLength: config.data.sequenceLength,
  selection: drawn.ref,
  start: { seed: '0/target' },
  steps,
  batchSize: 4,
  schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 2 },
  gradientClip: 1,
  adam: config.pretraining.adam,
  checkpointEvery: 2,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: '0/target',
});
const bilevelInput = (start: 'warm' | 'zero' = 'warm'): StageInputs['bilevel'] => ({
  bilevel: { ...config.bilevel, outerSteps: 4, checkpointEvery: 1, batchSize: 4, validationBatchSize: 4, trainingFraction: 0.5, solver: { ...config.bilevel.solver, start } },
  models: config.models,
  sequenceLength: config.data.sequenceLength,
  corpus: corpus.ref,
  group: 1,
  proxy: warm.ref,
  target: warm.ref,
  scorer: null,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: '0/round-1',
});

/** stops the stage at the checkpoint after its nth step */
function stopAfter(n: number): Partial<StageHooks> {
  let steps = 0;
  return {
    onProgress: async () => {
      steps++;
    },
    stopReason: () => (steps >= n ? 'the test says so' : undefined),
  };
}

beforeAll(async () => {
  ({ config } = loadConfig({ source: 'smoke', overrides: ['data.rowsPerGroup=64', 'data.rowsPerShard=32', 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'warmUp.batchSize=4', 'pretraining.batchSize=4'], cwd: root }));
  corpus = await call('prepare', prepareInput());
  drawn = await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: '0/warm-up' });
  warm = await call('training', trainingInput());
}, 120_000);

describe('a stage', () => {
  test('is found finished under the same key, and computed anew under another scope with the same content', async () => {
    expect((await call('training', trainingInput(), { attempt: 2 })).cached).toBe(true);
    const fresh = await call('training', trainingInput(), { scope: 'fresh', stage: 'fresh' });
    expect(fresh.cached).toBe(false);
    expect(fresh.ref.digest).toBe(warm.ref.digest);
  });

  test('has a key by content: not by where the store lies, but by configuration, seed and inputs', async () => {
    const stage = stageByName('training');
    const key = (input: StageInputs['training']): Promise<string> => stageKey(stage, { input, scope: '' });
    const base = await key(trainingInput());
    expect(await key({ ...trainingInput(), selection: { ...drawn.ref, uri: 'store:elsewhere', sha256: '0'.repeat(64) } })).toBe(base);
    expect(await key({ ...trainingInput(), selection: { ...drawn.ref, digest: '0'.repeat(64) } })).not.toBe(base);
    expect(await key({ ...trainingInput(), seed: '1/target' })).not.toBe(base);
    expect(await key(trainingInput(7))).not.toBe(base);
  });

  test('of training, stopped at a checkpoint and gone on with, ends with the same weights, moments and metrics', async () => {
    const home = 'stopped-training';
    await moveInputs(home, [drawn.ref]);
    await expect(call('training', trainingInput(), { home, hooks: stopAfter(3) })).rejects.toMatchObject({ code: 'Stopped' });
    const first: number[] = [];
    const waits: (DataWait | undefined)[] = [];
    const resumed = await call('training', trainingInput(), { home, attempt: 2, hooks: { onProgress: async ({ step, dataWait }) => void (first.push(step), waits.push(dataWait)) } });
    expect(first).toEqual([4, 5, 6]);
    // what the clock says is told with each step, and enters nothing that is compared below
    for (const wait of waits) expect(wait?.seconds).toBeLessThan(wait?.of ?? Number.NaN);
    expect(resumed.ref).toEqual(warm.ref);
    expect(await metricsOf(home, resumed.ref)).toEqual(await metricsOf('main', warm.ref));
  });

  test('of training, broken off a step after a checkpoint was begun, goes on from the state of its checkpoint', async () => {
    const home = 'broken-training';
    await moveInputs(home, [drawn.ref]);
    const broken = call('training', trainingInput(), { home, hooks: { onProgress: ({ step }) => (step === 5 ? Promise.reject(new Error('the machine went away')) : Promise.resolve()) } });
    await expect(broken).rejects.toThrow('the machine went away');
    const steps: number[] = [];
    const resumed = await call('training', trainingInput(), { home, attempt: 2, hooks: { onProgress: async ({ step }) => void steps.push(step) } });
    expect(steps).toEqual([5, 6]);
    expect(resumed.ref).toEqual(warm.ref);
    expect(await metricsOf(home, resumed.ref)).toEqual(await metricsOf('main', warm.ref));
  });

  test.each(['warm', 'zero'] as const)('of the bilevel phase, stopped twice, ends with the same score model, z of the step before and flagged rows included: start %s', async (start) => {
    const input = bilevelInput(start);
    const whole = await call('bilevel', input);
    const home = `stopped-bilevel-${start}`;
    await moveInputs(home, [corpus.ref, warm.ref]);
    await expect(call('bilevel', input, { home, hooks: stopAfter(1) })).rejects.toMatchObject({ code: 'Stopped' });
    await expect(call('bilevel', input, { home, attempt: 2, hooks: stopAfter(2) })).rejects.toMatchObject({ code: 'Stopped' });
    const resumed = await call('bilevel', input, { home, attempt: 3 });
    expect(resumed.ref.digest).toBe(whole.ref.digest);
    expect(resumed.summary).toEqual(whole.summary);
    const metrics = await metricsOf('main', whole.ref);
    expect(await metricsOf(home, resumed.ref)).toEqual(metrics);
    expect(metrics.map((line) => line['zCosine'] === 0)).toEqual([true, false, false, false]);
    // half of the 64 rows may train the scorer, and four steps of an inner and an outer minibatch of 4 see 32 rows, few of them twice
    expect(whole.summary['trainedRows']).toBeGreaterThan(24);
    expect(whole.summary['trainedRows']).toBeLessThanOrEqual(32);
  });

  test('gone on with under other flags says so and marks the artifact, or waits for a worker that fits', async () => {
    const home = 'other-numerics';
    await moveInputs(home, [drawn.ref]);
    await expect(call('training', trainingInput(), { home, hooks: stopAfter(3) })).rejects.toMatchObject({ code: 'Stopped' });
    const before = process.env['XLA_FLAGS'];
    process.env['XLA_FLAGS'] = '--xla_cpu_max_isa=AVX2'; // TensorFlow read its flags long ago: the bits stay, the fingerprint differs
    try {
      await expect(call('training', { ...trainingInput(), numerics: 'strict' }, { home, attempt: 2 })).rejects.toMatchObject({ code: 'NumericsDiffer', retryable: true });
      const events: string[] = [];
      const notes: string[] = [];
      const hooks: Partial<StageHooks> = { onEvent: ({ name, detail }) => void (name === 'goes on' || events.push(detail)), onNote: (note) => void notes.push(note) };
      await expect(call('training', trainingInput(), { home, attempt: 3, hooks: { ...hooks, ...stopAfter(1) } })).rejects.toMatchObject({ code: 'Stopped' });
      // a later attempt under the same fingerprint still goes on from what another one computed
      const resumed = await call('training', trainingInput(), { home, attempt: 4, hooks });
      const note = 'not bit-comparable from step 3 on: it went on under another numerics fingerprint';
      expect(notes).toEqual([note, note]);
      expect(resumed.summary['note']).toBe(note);
      expect((await open(home).store.open(resumed.ref)).manifest.summary['note']).toBe(note);
      expect(events).toEqual([expect.stringMatching(/^not bit-comparable from step 3 on: flags was '.*', is '.*XLA_FLAGS=--xla_cpu_max_isa=AVX2'$/)]);
      const record = await readFile(await (await open(home).store.open(resumed.ref)).file('numerics.json'), 'utf8');
      expect(JSON.parse(record)).toMatchObject({ notBitComparableFromStep: 3 });
      expect(resumed.ref.digest).toBe(warm.ref.digest);
    } finally {
      if (before === undefined) delete process.env['XLA_FLAGS'];
      else process.env['XLA_FLAGS'] = before;
    }
  });

  test('of training moves the weights and lowers the loss', async () => {
    const losses = (await metricsOf('main', warm.ref)).map((line) => Number(line['loss']));
    expect(losses).toHaveLength(6);
    expect(losses[5]).toBeLessThan(losses[0]);
  });
});

const scoresOf = async (results: readonly StageResult[]): Promise<Map<string, number>> => {
  const map = new Map<string, number>();
  for (const { ref } of results) for await (const row of parquetRows({ file: await (await open('main').store.open(ref)).file('scores.parquet'), columns: ['id', 'logit'] })) map.set(String(row['id']), Number(row['logit']));
  return map;
};
// 24 divides neither the 32 rows of a shard nor the 64 of the group: the grid crosses the ranges
const scoringInput = (scorer: Ref, by: StageInputs['scoring']['by'], first: number, end: number): StageInputs['scoring'] => ({ models: config.models, sequenceLength: config.data.sequenceLength, batchSize: 24, corpus: corpus.ref, group: 1, shards: { first, end }, scorer, ...(by === undefined ? {} : { by }), compiler: 'graph', precision: 'float32' });

describe('scoring', () => {
  test('gives a row the same score whatever range of shards it is scored in, and selection keeps the best of all ranges', async () => {
    const scorer = await call('bilevel', bilevelInput());
    const whole = await call('scoring', scoringInput(scorer.ref, undefined, 0, 2), { stage: 'whole' });
    const parts = [await call('scoring', scoringInput(scorer.ref, undefined, 0, 1), { stage: 'part-0' }), await call('scoring', scoringInput(scorer.ref, undefined, 1, 2), { stage: 'part-1' })];
    const all = await scoresOf([whole]);
    expect(all.size).toBe(64);
    expect(await scoresOf(parts)).toEqual(all);
    for (const scored of [whole, ...parts]) expect(scored.ref.digest).toBe(await digestRows(await scoresOf([scored])));

    const selectionInput = (scores: readonly StageResult[]): StageInputs['selection'] => ({ selector: 'bliss', fraction: 0.25, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 1, scores: scores.map(({ ref }) => ref), seed: '0' });
    const selected = await call('selection', selectionInput(parts), { stage: 'select' });
    const best = [...all].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 16).map(([id]) => id);
    const chosen: string[] = [];
    for await (const row of parquetRows({ file: await (await open('main').store.open(selected.ref)).file('selected.parquet'), columns: ['id'] })) chosen.push(String(row['id']));
    expect(chosen).toEqual(best);
    const byIndex = await scoresOf([selected]);
    expect([...byIndex]).toEqual([...all]);
    expect(selected.summary['scoresDigest']).toBe(await digestRows(all));

    // parts in whatever order are one group; a part that is missing is told
    const turned = await call('selection', selectionInput([...parts].reverse()), { stage: 'select-turned' });
    expect([turned.cached, turned.ref.digest, turned.summary]).toEqual([false, selected.ref.digest, selected.summary]);
    await expect(call('selection', selectionInput(parts.slice(1)), { stage: 'select-part' })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('not one of each of the 64 rows') as string });
  });

  test('by perplexity is minus the mean next-token loss of the model, worked out from its logits', async () => {
    const scores = await scoresOf([await call('scoring', scoringInput(warm.ref, 'perplexity', 0, 2), { stage: 'perplexity' })]);
    const { arrays } = await readSafetensors(await (await open('main').store.open(warm.ref)).file('weights.safetensors'));
    const group = await (await openCorpus(open('main').store, corpus.ref)).group(1);
    const { vocabularySize, proxy } = config.models;
    const model = createModel(proxy);
    const T = config.data.sequenceLength;
    let seen = 0;
    for await (const { id, tokens } of group.read(0, 5)) {
      const logits = tf.tidy(() => model.logits({ params: tensorsOf(arrays, model.shapes(vocabularySize)), ids: idsOf([Array.from(tokens)]), causal: true }).dataSync<'float32'>()); // [1·T, V]
      let loss = 0;
      for (let t = 0; t + 1 < T; t++) {
        const row = Float64Array.from(logits.subarray(t * vocabularySize, (t + 1) * vocabularySize));
        const top = Math.max(...row);
        loss += top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) - row[tokens[t + 1]];
      }
      expect(Math.abs((scores.get(id) ?? Number.NaN) + loss / (T - 1))).toBeLessThan(1e-5);
      seen += 1;
    }
    expect(seen).toBe(5);
  });

  test('by source puts the rows of wanted sources first, and equal ones in an order by chance; a source that the corpus lacks is refused by name', async () => {
    const input = (sources: readonly string[], seed = '0/round-1/oracle') => ({ ...scoringInput(warm.ref, 'source', 0, 2), oracle: { sources: [...sources], seed } });
    const ordered = async (seed: string): Promise<string[]> => [...(await scoresOf([await call('scoring', input(['books', 'speeches'], seed), { stage: `source-${seed}` })]))].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    const scores = await ordered('0/round-1/oracle');
    const isWanted = (id: string): boolean => /^(books|speeches):/.test(id);
    const wanted = scores.filter(isWanted);
    expect(wanted.length).toBeGreaterThan(10);
    expect(scores.slice(0, wanted.length)).toEqual(wanted);
    // neither by id nor source by source
    expect(wanted).not.toEqual(wanted.toSorted());
    expect(wanted.slice(0, 8).filter((id) => id.startsWith('books:')).length % 8).not.toBe(0);
    // another seed draws other rows first
    expect((await ordered('1/round-1/oracle')).slice(0, wanted.length)).not.toEqual(wanted);
    await expect(call('scoring', input(['books', 'book']), { stage: 'unknown-source' })).rejects.toMatchObject({ code: 'DataInvalid', where: 'oracle.sources', message: expect.stringMatching(/no source book; it has .*books/) as string });
  });

  test.each(['dsir', 'quality-classifier'] as const)('by n-gram weights of %s, learnt in a stage of their own, prefers rows of the kind that the validation set is of', async (method) => {
    const learnt = await call('lexical', { method, corpus: corpus.ref, group: 1, seed: '0' }, { stage: `lexical-${method}` });
    expect((await call('lexical', { method, corpus: corpus.ref, group: 1, seed: '0' }, { stage: `again-${method}`, scope: 'again' })).ref.digest).toBe(learnt.ref.digest);
    const scores = await scoresOf([await call('scoring', scoringInput(learnt.ref, 'lexical', 0, 1), { stage: `${method}-0` }), await call('scoring', scoringInput(learnt.ref, 'lexical', 1, 2), { stage: `${method}-1` })]);
    expect(scores.size).toBe(64);
    const mean = (of: (id: string) => boolean): number => {
      const values = [...scores].filter(([id]) => of(id)).map(([, score]) => score);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const isBook = (id: string): boolean => id.startsWith('books');
    expect(mean(isBook)).toBeGreaterThan(mean((id) => !isBook(id)));
  });
});

describe('selection', () => {
  test('the rows to train on keep the ids of their documents, as the corpus has them', async () => {
    const { store } = open('main');
    const kept = new Map<unknown, unknown>();
    const group = await (await openCorpus(store, corpus.ref)).group(0, { documents: true });
    for await (const { id, documents } of group.read(0, group.rows)) kept.set(id, documents);
    const artifact = await store.open(drawn.ref);
    const { dataset } = JSON.parse(await readFile(await artifact.file('selection.json'), 'utf8')) as { dataset: { shards: { file: string }[] } };
    let rows = 0;
    for (const { file } of dataset.shards) {
      for await (const { id, documents } of parquetRows({ file: await artifact.file(file), columns: ['id', 'documents'] })) {
        expect(documents).toEqual(kept.get(id));
        expect((documents as string[]).length).toBeGreaterThan(0);
        rows++;
      }
    }
    expect(rows).toBe(32);
  });

  test('tells of its pass over the rows of a group and ends where it is asked to, however far it is', async () => {
    const large = await call('prepare', { ...prepareInput(), data: { ...config.data, rowsPerGroup: 1_100, rowsPerShard: 1_100 }, groups: 1 }, { stage: 'large' });
    const input: StageInputs['selection'] = { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: large.ref, group: 0, scores: [], seed: '0' };
    const steps: number[] = [];
    await call('selection', input, { stage: 'told', hooks: { onProgress: async ({ step, of }) => void steps.push(step / of) } });
    expect(steps).toEqual([1024 / 1100]);
    const stopped = call('selection', { ...input, seed: '1' }, { stage: 'stopped', hooks: stopAfter(1) });
    await expect(stopped).rejects.toMatchObject({ code: 'Stopped', retryable: true });
  });
});

describe('evaluation', () => {
  test('gives the loss that the weights give when worked out from the logits of the same batch size, and another for other weights', async () => {
    const input: StageInputs['evaluation'] = { model: config.models.target, vocabularySize: config.models.vocabularySize, sequenceLength: config.data.sequenceLength, corpus: corpus.ref, state: warm.ref, sets: ['test', 'tuning'], batchSize: 3, compiler: 'graph' };
    const evaluated = await call('evaluation', input);
    const batched = await call('evaluation', { ...input, batchSize: 8 }, { stage: 'batched' });
    // 3 does not divide 8: the padded rows of the last batch do not count
    expect(Number(batched.summary['loss'])).toBeCloseTo(Number(evaluated.summary['loss']), 5);
    const longer = await call('training', trainingInput(20), { stage: 'longer' });
    const better = await call('evaluation', { ...input, state: longer.ref }, { stage: 'better' });
    expect(Number(better.summary['loss'])).toBeLessThan(Number(evaluated.summary['loss']));
    const { arrays } = await readSafetensors(await (await open('main').store.open(longer.ref)).file('weights.safetensors'));
    expect(Object.keys(arrays)).toContain('gpt_neox.embed_in.weight');
  });
});

/** Copies artifacts into another home's store, as a run of its own would have made them. */
async function moveInputs(home: string, refs: readonly Ref[]): Promise<void> {
  const from = open('main');
  const to = open(home);
  for (const ref of refs) {
    const artifact = await from.store.open(ref);
    const folder = ref.uri.slice('store:'.length, -'manifest.json'.length);
    for (const { name } of artifact.manifest.files) await to.blobs.putIfAbsent(`${folder}${name}`, { file: await artifact.file(name) });
    await to.blobs.putIfAbsent(`${folder}manifest.json`, await readFile(await from.blobs.localFile(`${folder}manifest.json`)));
  }
}

async function metricsOf(home: string, ref: Ref): Promise<Record<string, unknown>[]> {
  const text = await readFile(await (await open(home).store.open(ref)).file('metrics.jsonl'), 'utf8');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}
