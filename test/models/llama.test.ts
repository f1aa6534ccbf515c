import { describe, expect, test } from 'vitest';
import { createModel, createScoreModel, parameterCount, perSampleLoss, type LlamaConfig, type Model } from '../../lib/models/index.js';
import { Program, tf, valueAndGradients, type NamedArrays } from '../../lib/tensor/index.js';
import { gradient64, type Inputs } from '../tensor/finite-differences.js';
import { logits64, loss64, scoreLogit64 } from './llama-reference.js';
import { idsOf, randomIds, tensorsOf, tinyLlama, unsettle } from './tiny.js';

const V = 10;
const rows = randomIds({ rows: 3, length: 5, seed: 4 }).map((row) => row.map((id) => id % V));
const started = (model: Model, seed = 1): NamedArrays => unsettle(model.init({ vocabularySize: V, seed }), seed);
const double = (arrays: NamedArrays): Inputs => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));
const largest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));
const error = (found: ArrayLike<number>, wanted: ArrayLike<number>): number => Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / largest(wanted);

describe('sizes of published models', () => {
  test.each([
    ['LLaMA 2 7B', 32_000, { layers: 32, width: 4096, heads: 32, keyValueHeads: 32, intermediate: 11_008 }, 6_738_415_616],
    ['TinyLlama 1.1B', 32_000, { layers: 22, width: 2048, heads: 32, keyValueHeads: 4, intermediate: 5632 }, 1_100_048_384],
    ['Llama 3.2 1B', 128_256, { layers: 16, width: 2048, heads: 32, keyValueHeads: 8, intermediate: 8192, tieEmbeddings: true }, 1_235_814_400],
    ['SmolLM 135M', 49_152, { layers: 30, width: 576, heads: 9, keyValueHeads: 3, intermediate: 1536, tieEmbeddings: true }, 134_515_008],
  ] as const)('%s has the published number of parameters', (_, vocabularySize, sizes, parameters) => {
    expect(parameterCount(createModel({ ...tinyLlama, tieEmbeddings: false, ...sizes }).shapes(vocabularySize))).toBe(parameters);
  });
});

const FIRST = 'grouped queries, tied';
const variants: Readonly<Record<string, Partial<LlamaConfig>>> = {
  [FIRST]: {},
  'grouped queries, untied, two blocks': { tieEmbeddings: false, layers: 2 },
  'a key head for every query': { keyValueHeads: 4 },
  'one key head for all': { keyValueHeads: 1, rotaryBase: 100 },
};

describe.each(Object.entries(variants))('%s', (name, changes) => {
  // the others differ from the first in shapes alone
  const modes = name === FIRST ? (['eager', 'graph', 'xla'] as const) : (['eager', 'graph'] as const);
  const config = { ...tinyLlama, ...changes };
  const model = createModel(config);
  const arrays = started(model);

  test.each([true, false])('logits equal the float64 reference, causal %s', (causal) => {
    tf.tidy(() => {
      const found = model.logits({ params: tensorsOf(arrays, model.shapes(V)), ids: idsOf(rows), causal }).dataSync();
      expect(error(found, rows.flatMap((ids) => logits64({ config, weights: arrays, ids, causal }).flatMap((row) => [...row])))).toBeLessThan(2e-6);
    });
  });

  const gradients = gradient64((weights) => rows.reduce((sum, ids, i) => sum + (i + 1) * loss64({ config, weights, ids, causal: true }), 0), double(arrays));

  test.each(modes)('per-sample losses and their gradients equal float64 differences, blocks kept or computed again, logits at once or in parts, %s', async (mode) => {
    // fifteen positions: at once, and in parts of four
    for (const options of [{}, { recomputeBlocks: true, logitsAtOnce: 4 * V }]) {
      const { losses, ...found } = await differentiated({ model: createModel(config, options), arrays, mode });
      rows.forEach((ids, i) => expect(losses[i]).toBeCloseTo(loss64({ config, weights: arrays, ids, causal: true }), 5));
      expect(Object.keys(found).toSorted()).toEqual(Object.keys(gradients).toSorted());
      const scale = Math.max(...Object.values(gradients).map(largest));
      for (const [tensor, gradient] of Object.entries(gradients)) {
        expect(largest(gradient), tensor).toBeGreaterThan(1e-4 * scale);
        expect(error(found[tensor], gradient), tensor).toBeLessThan(1e-5);
      }
    }
  }, 240_000);
});

/** losses [n], and by name the gradient of Σ (i + 1) L_i */
async function differentiated({ model, arrays, mode }: { readonly model: Model; readonly arrays: NamedArrays; readonly mode: 'eager' | 'graph' | 'xla' }): Promise<Readonly<Record<string, ArrayLike<number>>>> {
  const shapes = model.shapes(V);
  const program = new Program('llama', { mode });
  for (const [name, shape] of Object.entries(shapes)) program.variable(name, shape);
  program.entry('run', { ids: { shape: [3, 5], dtype: 'int32' } }, ({ ids }, io) => {
    const params = Object.fromEntries(Object.keys(shapes).map((name) => [name, io.read(name)]));
    const losses = (p: typeof params): ReturnType<typeof perSampleLoss> => perSampleLoss({ model, params: p, ids, causal: true });
    const { gradients } = valueAndGradients((p) => tf.sum(tf.mul(tf.tensor1d([1, 2, 3]), losses(p))), params);
    return { losses: losses(params), ...gradients };
  });
  await program.build();
  program.setAll(arrays);
  const outputs = program.call('run', { ids: Int32Array.from(rows.flat()) });
  program.dispose();
  return outputs;
}

test('the score model is the head on the mean of the final norm of a backbone without a mask, in float64', () => {
  const scorer = createScoreModel(createModel(tinyLlama));
  const arrays = unsettle(scorer.init({ vocabularySize: V, seed: 5 }), 5);
  tf.tidy(() => {
    const found = scorer.logits({ params: tensorsOf(arrays, scorer.shapes(V)), ids: idsOf(rows) }).dataSync();
    expect(error(found, rows.map((ids) => scoreLogit64({ config: tinyLlama, weights: arrays, ids })))).toBeLessThan(2e-6);
  });
});

test('tied, the embedding is the output projection and what a score model takes over; untied, it is not', () => {
  const [tied, untied] = [createModel(tinyLlama), createModel({ ...tinyLlama, tieEmbeddings: false })];
  expect(Object.keys(tied.shapes(V))).toEqual(Object.keys(tied.backboneShapes(V)));
  expect(Object.keys(untied.shapes(V)).filter((name) => !(name in untied.backboneShapes(V)))).toEqual(['lm_head.weight']);
  expect(Object.keys(createScoreModel(untied).shapes(V))).not.toContain('lm_head.weight');
});

test('initial weights: norms one, matrices N(0, σ²) of their own streams', () => {
  const weights = createModel({ ...tinyLlama, width: 64, intermediate: 500, initStandardDeviation: 0.02 }).init({ vocabularySize: V, seed: 3 });
  for (const name of ['model.norm.weight', 'model.layers.0.input_layernorm.weight', 'model.layers.0.post_attention_layernorm.weight']) expect(new Set(weights[name])).toEqual(new Set([1]));
  const matrix = Float64Array.from(weights['model.layers.0.mlp.gate_proj.weight']);
  const deviation = Math.sqrt(matrix.reduce((sum, x) => sum + x * x, 0) / matrix.length);
  expect(Math.abs(deviation - 0.02)).toBeLessThan(4e-4); // 32,000 draws: a standard error of 0.8e-4
  expect(weights['model.layers.0.mlp.gate_proj.weight']).not.toEqual(weights['model.layers.0.mlp.up_proj.weight']);
});

test('sizes that do not fit together are refused by name', () => {
  expect(() => createModel({ ...tinyLlama, width: 30 })).toThrow(/30 does not divide into 4 heads; choose heads/);
  expect(() => createModel({ ...tinyLlama, width: 12 })).toThrow(/heads of 3 channels cannot turn in pairs; choose/);
  expect(() => createModel({ ...tinyLlama, keyValueHeads: 3 })).toThrow(/4 query heads do not share 3 key and value heads evenly; choose keyValueHeads/);
});
