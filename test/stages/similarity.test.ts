import { beforeAll, describe, expect, test } from 'vitest';
import { parquetRows } from '../../lib/data/index.js';
import { createModel, nextTokenLosses } from '../../lib/models/index.js';
import { openCorpus } from '../../lib/stages/contents/index.js';
import type { StageInputs, StageResult } from '../../lib/stages/index.js';
import { readArrays } from '../../lib/stages/state.js';
import { tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { idsOf, tensorsOf } from '../models/tiny.js';
import { call, config, prepared, store } from './small-home.js';

/*
 * Cosines with every single passage, one pair at a time in float64, of what the model gives in eager mode: the mean of them is what the stages' one inner product
 * must be.
 */
const { vocabularySize, proxy: model } = config.models;
const { sequenceLength } = config.data;
let corpus: StageResult;
let warm: StageResult;
let params: NamedTensors;
/** of the group's rows that are looked at */
let rows: number[][];
let passages: { readonly tokens: number[]; readonly length: number; readonly targetStart: number }[];

const likened = (): StageInputs['repsim'] => ({ model, vocabularySize, sequenceLength, corpus: corpus.ref, proxy: warm.ref, compiler: 'graph' });
async function scoresBy(by: 'repsim' | 'gradsim', scorer: StageResult): Promise<number[]> {
  const scored = await call('scoring', { models: config.models, sequenceLength, batchSize: 24, corpus: corpus.ref, group: 1, shards: { first: 0, end: 2 }, scorer: scorer.ref, by, compiler: 'graph', precision: 'float32' });
  const scores: number[] = [];
  for await (const row of parquetRows({ file: await (await store.open(scored.ref)).file('scores.parquet') })) scores.push(Number(row['logit']));
  return scores;
}
const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number => Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
const meanCosine = (a: ArrayLike<number>, others: readonly ArrayLike<number>[]): number => others.reduce((sum, b) => sum + cosine(a, b), 0) / others.length;

beforeAll(async () => {
  corpus = await prepared();
  const drawn = await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: '0/warm-up' });
  warm = await call('training', { purpose: 'warm-up', model, vocabularySize, sequenceLength, selection: drawn.ref, start: { seed: '0/proxy' }, steps: 20, batchSize: 4, schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 2 }, gradientClip: 1, adam: config.warmUp.adam, checkpointEvery: 100, compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue', seed: '0/proxy' });
  params = tensorsOf(await readArrays(await store.open(warm.ref), 'weights.safetensors'), createModel(model).shapes(vocabularySize));
  const opened = await openCorpus(store, corpus.ref);
  rows = [];
  for await (const { tokens } of (await opened.group(1)).read(0, 64)) rows.push([...tokens]);
  passages = (await opened.heldOut('validation')).map(({ tokens, length, targetStart }) => ({ tokens: [...tokens], length, targetStart }));
  expect(passages.some(({ length }) => length < sequenceLength)).toBe(true);
}, 120_000);

describe('repsim', () => {
  test('is the mean cosine of a row’s last hidden state, at its last token, with those of the passages, each at its own last token', async () => {
    const hidden = (tokens: readonly number[], at: number): number[] =>
      tf.tidy(() => {
        const states = createModel(model).hidden({ params, ids: idsOf([tokens]), causal: true }); // [d, T]
        return Array.from(tf.transpose(states).dataSync<'float32'>()).slice(at * model.width, (at + 1) * model.width);
      });
    const scores = await scoresBy('repsim', await call('repsim', likened()));
    expect(scores).toHaveLength(64);
    const references = passages.map(({ tokens, length }) => hidden(tokens, length - 1));
    for (const i of [0, 1, 30, 63]) expect(scores[i]).toBeCloseTo(meanCosine(hidden(rows[i], sequenceLength - 1), references), 5);
    expect(new Set(scores).size).toBeGreaterThan(60);
  }, 60_000);
});

describe('gradsim', () => {
  test.each(['all-tokens', 'last-word'] as const)('is the mean cosine of a row’s gradient with those of the passages, counted by %s', async (validationLoss) => {
    const gradient = (tokens: readonly number[], first: number, end: number): number[] =>
      tf.tidy(() => {
        const { gradients } = valueAndGradients((at) => {
          const losses = nextTokenLosses({ model: createModel(model), params: at, ids: idsOf([tokens]), causal: true });
          return tf.mean(tf.slice(losses, [0, first - 1], [1, end - first]));
        }, params);
        return Object.values(gradients).flatMap((tensor) => Array.from(tensor.dataSync<'float32'>()));
      });
    const scores = await scoresBy('gradsim', await call('gradsim', { ...likened(), validationLoss }));
    expect(scores).toHaveLength(64);
    const references = passages.map(({ tokens, length, targetStart }) => gradient(tokens, validationLoss === 'all-tokens' ? 1 : targetStart, length));
    for (const i of [0, 40, 63]) expect(scores[i]).toBeCloseTo(meanCosine(gradient(rows[i], 1, sequenceLength), references), 5);
    expect(new Set(scores).size).toBeGreaterThan(60);
  }, 60_000);
});

test('a stage that is asked to stop on the way does so, to be tried again', async () => {
  const hooks = { stopReason: () => 'the test says so' };
  for (const name of ['repsim', 'gradsim'] as const) {
    const input = { ...likened(), ...(name === 'gradsim' ? { validationLoss: 'all-tokens' as const } : {}), compiler: 'xla' as const };
    await expect(call(name, input as StageInputs['gradsim'], hooks)).rejects.toMatchObject({ code: 'Stopped', retryable: true });
  }
}, 120_000);
