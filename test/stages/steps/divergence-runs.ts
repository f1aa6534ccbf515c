import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore, type Ref } from '../../../lib/artifacts/index.js';
import { openDataset, readBatch, type TokenBatch } from '../../../lib/data/index.js';
import { BlissError } from '../../../lib/errors.js';
import { ProgramCache } from '../../../lib/programs/index.js';
import { openSelection } from '../../../lib/stages/contents/corpus.js';
import { executeStage, stageByName, type StageHooks, type StageInputs, type StageName, type StageResult } from '../../../lib/stages/index.js';
import type { NamedArrays } from '../../../lib/tensor/index.js';

/**
 * Numbers gone bad for a true reason: a weight of one rare token's embedding is no number, so that the batches that have the token, and no
 * others, give a loss that is none. What comes of skipping them is held against the same steps done here one by one, on an order of
 * batches made by hand, with the state before each step kept in memory.
 */
export const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-divergence-'));
export const blobs = fileBlobs({ root: path.join(root, 'store') });
export const store = openStore({ blobs });
export const programs = new ProgramCache({ limit: 8 });
export const BATCH = 4;
export const STEPS = 6;

interface Call {
  /** attempts of one run share checkpoints; each run has a scope of its own, so that none finds what another has finished */
  readonly run: string;
  readonly attempt?: number;
  readonly hooks?: Partial<StageHooks>;
  readonly hearEveryMs?: number;
}

export const call = <Name extends StageName>(name: Name, input: StageInputs[Name], { run, attempt = 1, hooks = {}, hearEveryMs }: Call): Promise<StageResult> =>
  executeStage({
    stage: stageByName(name),
    task: { name, run, stage: name, input, fencingToken: { epoch: 1, attempt }, scope: run, keepCheckpoints: 2 },
    store,
    blobs,
    programs,
    scratch: path.join(root, 'scratch'),
    ...(hearEveryMs === undefined ? {} : { hearEveryMs }),
    hooks: { onProgress: async () => undefined, onPhase: async () => undefined, onCheckpoint: async () => undefined, onEvent: () => undefined, onNote: () => undefined, onSetAside: () => undefined, onMetrics: async () => undefined, timings: async () => [], stopReason: () => undefined, ...hooks },
  });

/** asks the stage to stop after so many steps of the attempt, those done again included */
export function stopAfter(steps: number): Partial<StageHooks> {
  let done = 0;
  return { onProgress: async () => void done++, stopReason: () => (done >= steps ? 'the test says so' : undefined) };
}
export function killedAfter(steps: number): Partial<StageHooks> {
  let done = 0;
  return { onProgress: async () => (++done >= steps ? Promise.reject(new Error('killed')) : undefined) };
}

/** Attempt after attempt, each stopped after a few steps, until one comes to the end. */
export async function stoppedOften<Name extends StageName>(name: Name, input: StageInputs[Name], { run, from = 1, steps }: { readonly run: string; readonly from?: number; readonly steps: (attempt: number) => number }): Promise<{ readonly result: StageResult; readonly stops: number }> {
  for (let attempt = from; attempt < from + 40; attempt++) {
    try {
      return { result: await call(name, input, { run, attempt, hooks: stopAfter(steps(attempt)) }), stops: attempt - from };
    } catch (error) {
      if (!(error instanceof BlissError && error.code === 'Stopped')) throw error;
    }
  }
  throw new Error('it comes to no end');
}

export const rewind = (more: Partial<NonNullable<StageInputs['training']['divergence']>> = {}): StageInputs['training']['divergence'] => ({ policy: 'rewind', maxSkipped: 10, ...more });

/** An artifact's manifest, files by their bytes, without the key that it was made under: each run here has a scope, hence keys, of its own. */
export async function madeIn(ref: Ref): Promise<object> {
  const { lineage: { key, ...lineage }, ...manifest } = (await store.open(ref)).manifest;
  if (key === undefined) throw new Error('an artifact of a stage names the key that it was made under');
  return { ...manifest, lineage };
}

export async function metricsOf(ref: Ref): Promise<Record<string, unknown>[]> {
  const text = await readFile(await (await store.open(ref)).file('metrics.jsonl'), 'utf8');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

const rowsOf = (places: Iterable<TokenBatch>): Set<number> => new Set([...places].flatMap(({ tokens }) => [...tokens]));

/** A token that every one of some batches has and none of the others. */
export function tokenOf(wanted: readonly TokenBatch[], others: readonly TokenBatch[]): number {
  const elsewhere = rowsOf(others);
  const token = [...rowsOf(wanted)].find((one) => !elsewhere.has(one) && wanted.every(({ tokens }) => tokens.includes(one)));
  if (token === undefined) throw new Error('the corpus has no such token');
  return token;
}

/** Embeddings in which a token is no number. */
export function spoilt(arrays: NamedArrays, name: string, width: number, tokens: readonly number[]): NamedArrays {
  const embedding = Float32Array.from(arrays[name]);
  for (const token of tokens) embedding[token * width] = Number.NaN;
  return { ...arrays, [name]: embedding };
}

export const { config } = loadConfig({ source: 'smoke', overrides: ['data.rowsPerGroup=64', 'data.rowsPerShard=32', 'data.sequenceLength=16', 'heldOut.validation=8', 'heldOut.tuning=8', 'heldOut.test=8', 'bilevel.batchSize=4', 'bilevel.validationBatchSize=4', 'warmUp.batchSize=4', 'pretraining.batchSize=4'], cwd: root });
export const corpus = (await call('prepare', { data: config.data, tokenizer: config.tokenizer, heldOut: config.heldOut, vocabularySize: config.models.vocabularySize, groups: 2, seed: '0', configFolder: root }, { run: 'inputs' })).ref;
const drawn = (await call('selection', { selector: 'random', fraction: 0.75, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 0, scores: [], seed: '0' }, { run: 'inputs' })).ref;
const selected = await openSelection({ store, ref: drawn, batchSize: BATCH, sequenceLength: config.data.sequenceLength, stage: 'test' });
const dataset = await openDataset(selected.artifact, selected.index);
/** Of training, by place in the order of data: 48 rows make twelve batches before a row comes again. */
export const batches: readonly TokenBatch[] = await Promise.all(Array.from({ length: 12 }, (_, step) => readBatch({ dataset, request: { kind: 'ordered', seed: 'order', step }, batchSize: BATCH })));

export const EMBEDDING = 'gpt_neox.embed_in.weight';

export const trainingInput = (more: Partial<StageInputs['training']>): StageInputs['training'] => ({
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

/** As the section says, in other words: of the last four losses, at least two. */
export function leaps(loss: number, before: readonly number[], deviations: number): boolean {
  const window = before.slice(-4);
  if (window.length < 2) return false;
  const mean = window.reduce((a, b) => a + b) / window.length;
  return loss - mean > deviations * Math.sqrt(window.map((one) => (one - mean) ** 2).reduce((a, b) => a + b) / (window.length - 1));
}

/** A bilevel phase of that corpus, from a model that was trained on it. */
export const bilevelInput = (changes: Partial<StageInputs['bilevel']['bilevel']>, warm: Ref): StageInputs['bilevel'] => ({
  bilevel: { ...config.bilevel, ...changes },
  models: config.models,
  sequenceLength: 16,
  corpus,
  group: 1,
  proxy: warm,
  target: warm,
  scorer: null,
  compiler: 'graph',
  precision: 'float32',
  recompute: 'none',
  numerics: 'continue',
  seed: '0/round-1',
});
