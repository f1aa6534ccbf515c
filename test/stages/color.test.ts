import { beforeAll, describe, expect, test } from 'vitest';
import { colorSchema } from '../../config/sections/color.js';
import { parquetRows } from '../../lib/data/index.js';
import type { HeldOutExample } from '../../lib/data/types.js';
import { mean } from '../../lib/mean.js';
import { createModel, perSampleLoss } from '../../lib/models/index.js';
import { createEvaluationProgram } from '../../lib/programs/index.js';
import { validationBatches, validationRows } from '../../lib/stages/color/validation-rows.js';
import { openCorpus } from '../../lib/stages/contents/index.js';
import type { StageHooks, StageInputs, StageResult } from '../../lib/stages/index.js';
import { readArrays } from '../../lib/stages/state.js';
import { tf, valueAndGradients } from '../../lib/tensor/index.js';
import { tensorsOf } from '../models/tiny.js';
import { call, config, prepared, store } from './small-home.js';

const { vocabularySize, proxy: model } = config.models;
const { sequenceLength } = config.data;
const runtime = { compiler: 'graph', precision: 'float32', recompute: 'none', numerics: 'continue' } as const;
let corpus: StageResult;
let warm: StageResult;

const colorInput = (over: Partial<StageInputs['color']> = {}): StageInputs['color'] => ({
  color: colorSchema.parse({ steps: 8, batchSize: 4, peakLearningRate: 3e-3, checkpointEvery: 2 }),
  model, vocabularySize, sequenceLength, adam: config.warmUp.adam, gradientClip: 1, corpus: corpus.ref, prior: warm.ref, ...runtime, seed: '0/color', ...over,
});
const scoringInput = (scorer: StageResult): StageInputs['scoring'] => ({ models: config.models, sequenceLength, batchSize: 8, corpus: corpus.ref, group: 1, shards: { first: 0, end: 2 }, scorer: scorer.ref, by: 'color', compiler: 'graph', precision: 'float32' });

beforeAll(async () => {
  corpus = await prepared();
  const drawn = await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: corpus.ref, group: 0, scores: [], seed: '0/warm-up' });
  warm = await call('training', { purpose: 'warm-up', model, vocabularySize, sequenceLength, selection: drawn.ref, start: { seed: '0/proxy' }, steps: 20, batchSize: 4, schedule: { type: 'wsd', peak: 1e-3, warmUpSteps: 2 }, gradientClip: 1, adam: config.warmUp.adam, checkpointEvery: 100, ...runtime, seed: '0/proxy' });
}, 120_000);

/** An independent way to a row's mean loss: the evaluation program, one model at a time. */
async function lossesUnder(scorer: StageResult, file: string, rows: readonly Int32Array[]): Promise<number[]> {
  const program = await createEvaluationProgram({ model, vocabularySize, sequenceLength, batchSize: 1, mode: 'graph' });
  program.setState(await readArrays(await store.open(scorer.ref), file));
  const losses = rows.map((row) => mean(program.evaluate(row).negativeLogLikelihood));
  program.dispose();
  return losses;
}

describe('color', () => {
  test('scores a row by its mean loss under the proxy minus that under the proxy fine-tuned on the validation set', async () => {
    const scorer = await call('color', colorInput());
    const scores = await call('scoring', scoringInput(scorer));
    const group = await (await openCorpus(store, corpus.ref)).group(1);
    const rows: Int32Array[] = [];
    for await (const { tokens } of group.read(0, group.rows)) rows.push(Int32Array.from(tokens));
    const prior = await lossesUnder(scorer, 'prior.safetensors', rows);
    const conditional = await lossesUnder(scorer, 'conditional.safetensors', rows);
    let seen = 0;
    for await (const row of parquetRows({ file: await (await store.open(scores.ref)).file('scores.parquet') })) {
      expect(row['logit']).toBeCloseTo(prior[seen] - conditional[seen], 5);
      seen++;
    }
    expect(seen).toBe(64);
    // the scores are not all one, and the prior is the proxy as it was
    expect(Math.max(...prior.map((loss, i) => Math.abs(loss - conditional[i])))).toBeGreaterThan(0.01);
    expect(await readArrays(await store.open(scorer.ref), 'prior.safetensors')).toEqual(await readArrays(await store.open(warm.ref), 'weights.safetensors'));
  });

  test('fine-tunes as AdamW from fresh moments does, by the rate that warms up and follows a cosine to 0, step by step', async () => {
    const input = colorInput({ color: colorSchema.parse({ steps: 6, batchSize: 4, peakLearningRate: 3e-3, warmUpFraction: 0.34 }), seed: '0/steps' });
    const scorer = await call('color', input);
    const passages = await (await openCorpus(store, corpus.ref)).heldOut('validation');
    const batch = validationBatches({ rows: validationRows(passages, sequenceLength), batchSize: 4, seed: '0/steps' });
    const names = createModel(model).shapes(vocabularySize);
    const weights = await readArrays(await store.open(warm.ref), 'weights.safetensors');
    const own = Object.fromEntries(Object.entries(weights).map(([name, array]) => [name, Float64Array.from(array)]));
    const moments = Object.fromEntries(Object.keys(own).map((name) => [name, { m: new Float64Array(own[name].length), u: new Float64Array(own[name].length) }]));
    const rates = [0, 0.5, 1, ...[1, 2, 3].map((k) => (1 + Math.cos((Math.PI * k) / 4)) / 2)]; // two steps of warm-up, then four of the cosine
    const { beta1, beta2, epsilon, weightDecay } = config.warmUp.adam;
    for (const [step, share] of rates.entries()) {
      const { gradients } = valueAndGradients((at) => tf.mean(perSampleLoss({ model: createModel(model), params: at, ids: tf.tensor2d(batch(step), [4, sequenceLength], 'int32'), causal: true })), tensorsOf(Object.fromEntries(Object.entries(own).map(([name, array]) => [name, Float32Array.from(array)])), names));
      const g = Object.fromEntries(Object.entries(gradients).map(([name, tensor]) => [name, Float64Array.from(tensor.dataSync<'float32'>())]));
      const norm = Math.sqrt(Object.values(g).reduce((sum, values) => sum + values.reduce((a, b) => a + b * b, 0), 0));
      const clip = Math.min(1, 1 / (norm + 1e-6));
      for (const [name, values] of Object.entries(own)) {
        const { m, u } = moments[name];
        values.forEach((value, i) => {
          m[i] = beta1 * m[i] + (1 - beta1) * clip * g[name][i];
          u[i] = beta2 * u[i] + (1 - beta2) * (clip * g[name][i]) ** 2;
          const move = m[i] / (1 - beta1 ** (step + 1)) / (Math.sqrt(u[i] / (1 - beta2 ** (step + 1))) + epsilon);
          values[i] = value * (1 - 3e-3 * share * weightDecay) - 3e-3 * share * move;
        });
      }
    }
    const found = await readArrays(await store.open(scorer.ref), 'conditional.safetensors');
    const off = Object.entries(own).map(([name, values]) => Math.max(...values.map((value, i) => Math.abs(value - found[name][i]))));
    const moved = Math.max(...Object.entries(own).map(([name, values]) => Math.max(...values.map((value, i) => Math.abs(value - weights[name][i])))));
    expect(moved).toBeGreaterThan(5e-3);
    // the moments of an element that is nearly 0 are of chance: a few such elements may differ by a share of the rate
    expect(off.toSorted((a, b) => a - b)[Math.floor(off.length / 2)]).toBeLessThan(2e-4);
    expect(Math.max(...off)).toBeLessThan(2e-3);
  }, 60_000);

  test('learns the validation set: its rows lose more than the corpus’s do', async () => {
    const scorer = await call('color', colorInput({ color: colorSchema.parse({ steps: 40, batchSize: 8, peakLearningRate: 3e-3 }) }));
    const opened = await openCorpus(store, corpus.ref);
    const passages = validationRows(await opened.heldOut('validation'), sequenceLength);
    const group = await opened.group(1);
    const rows: Int32Array[] = [];
    for await (const { tokens } of group.read(0, group.rows)) rows.push(Int32Array.from(tokens));
    const excess = async (of: readonly Int32Array[]): Promise<number> => mean(await lossesUnder(scorer, 'prior.safetensors', of)) - mean(await lossesUnder(scorer, 'conditional.safetensors', of));
    expect(await excess(passages)).toBeGreaterThan((await excess(rows)) + 0.1);
  });

  test('stopped at a checkpoint and gone on with, ends with the same models and metrics', async () => {
    const seed = '0/color-stopped';
    const whole = await call('color', colorInput({ seed }));
    let steps = 0;
    const hooks: Partial<StageHooks> = { onProgress: async () => void steps++, stopReason: () => (steps >= 3 ? 'the test says so' : undefined) };
    // another distance of checkpoints is another key: what the run before has finished is not found
    const stopped = colorInput({ seed, color: { ...colorInput().color, checkpointEvery: 3 } });
    await expect(call('color', stopped, hooks)).rejects.toMatchObject({ code: 'Stopped' });
    const resumed = await call('color', stopped);
    expect(resumed.cached).toBe(false);
    expect(resumed.ref.digest).toBe(whole.ref.digest);
  });

  test('has a fine-tune that goes nowhere refused by name', async () => {
    await expect(call('color', colorInput({ color: colorSchema.parse({ steps: 30, batchSize: 4, peakLearningRate: 1e30 }) }))).rejects.toMatchObject({ code: 'LossDiverged', fix: 'lower color.peakLearningRate' });
  });
});

describe('rows of the validation set', () => {
  const example = (id: string, ...tokens: number[]): HeldOutExample => ({ id, tokens: Int32Array.from({ length: 6 }, (_, i) => tokens[i] ?? 0), length: tokens.length, targetStart: tokens.length - 1 });

  test('are its passages one after the other without their padding; the last row is filled up with the first passages', () => {
    const rows = validationRows([example('a', 1, 2, 3), example('b', 4, 5, 6, 7, 8), example('c', 9, 10)], 4);
    expect(rows.map((row) => [...row])).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 1, 2]]);
  });

  test('each come once in an epoch, in another order in each; a batch may end one and begin the next', () => {
    const rows = [0, 1, 2, 3, 4].map((row) => Int32Array.of(row));
    const batch = validationBatches({ rows, batchSize: 3, seed: 's' });
    const drawn = Array.from({ length: 20 }, (_, step) => [...batch(step)]).flat();
    for (let epoch = 0; epoch < 12; epoch++) expect(drawn.slice(5 * epoch, 5 * epoch + 5).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(Array.from({ length: 12 }, (_, epoch) => drawn.slice(5 * epoch, 5 * epoch + 5).join(''))).size).toBeGreaterThan(6);
    expect([...validationBatches({ rows, batchSize: 3, seed: 's' })(7)]).toEqual(drawn.slice(21, 24));
  });
});
