import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel, type LlamaConfig } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram, scoreFeatures } from '../../lib/programs/index.js';
import { randomStream } from '../../lib/random.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { loss64, scoreLogit64 } from '../models/llama-reference.js';
import { tinyLlama, unsettle } from '../models/tiny.js';
import type { Inputs } from '../tensor/finite-differences.js';

/**
 * A score model with features, against float64: f = (what the transformer says) + κ ⟨w, φ⟩, in the weights of the inner step and in the hypergradient.
 * @see method §1, §3
 */
const [V, n, T, K] = [12, 6, 8, 4];
const [tau, kappa, beta1] = [0.7, 5, 0.9];
const config: LlamaConfig = { ...tinyLlama, width: 8, heads: 2, keyValueHeads: 1, intermediate: 6, tieEmbeddings: false };
const drawn = (seed: string): number[][] => {
  const random = randomStream('rows', seed);
  return Array.from({ length: n }, () => Array.from({ length: T }, () => random.below(V)));
};
const [inner, outer, validation] = ['inner', 'outer', 'validation'].map(drawn);
const given = (seed: string): number[][] => {
  const random = randomStream('features', seed);
  return Array.from({ length: n }, () => Array.from({ length: K }, () => random.normal()));
};
const [innerFeatures, outerFeatures] = ['inner', 'outer'].map(given);
const flat = (rows: readonly (readonly number[])[]): Int32Array => Int32Array.from(rows.flat());
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const softmax = (f: readonly number[]): number[] => {
  const powers = f.map((one) => Math.exp(one / tau));
  return powers.map((power) => power / sum(powers));
};
const double = (arrays: NamedArrays): Inputs => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));

describe.each([true, false])('a score model with features, with a backbone: %s', (backbone) => {
  const adam = { beta1, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
  const section = bilevelSchema.parse({
    batchSize: n, validationBatchSize: n, validationLoss: 'all-tokens', weights: 'logits', temperature: tau,
    proxy: { adam }, score: { adam, hypergradientClip: 1e9, features: ['color', 'dsir'], featureScale: kappa, ...(backbone ? {} : { backbone }) }, solver: { method: 'identity' },
  });
  const model = createModel(config);
  const score = unsettle(createScoreModel(model, scoreFeatures(section)).init({ vocabularySize: V, seed: 's' }), 3);
  const start = { proxy: unsettle(model.init({ vocabularySize: V, seed: 'p' }), 1), target: unsettle(model.init({ vocabularySize: V, seed: 'r' }), 2), score };

  /** f in float64, with other weights of the features */
  const logit = (ids: readonly number[], phi: readonly number[], w: ArrayLike<number>): number =>
    (backbone ? scoreLogit64({ config, weights: double(score), ids }) : score['head.bias'][0]) + kappa * sum(phi.map((value, k) => value * w[k]));

  const steps = async () => {
    const program = await createBilevelProgram({ proxy: config, target: config, vocabularySize: V, sequenceLength: T, bilevel: { ...bilevelProgramSettings(section), ranks: true }, mode: 'graph' });
    program.setState(program.fresh(start));
    const ranked = [...program.rank({ ids: flat(outer), features: Float32Array.from(outerFeatures.flat()) })];
    const first = program.innerStep({ ids: flat(inner), features: Float32Array.from(innerFeatures.flat()), learningRate: 0.01, update: 1, first: true });
    const second = program.outerStep({ validationIds: flat(validation), validationMask: Float32Array.from(validation.flatMap((row) => row.map((_, t) => (t === 0 ? 0 : 1)))), ids: flat(outer), features: Float32Array.from(outerFeatures.flat()), learningRate: 0.01, update: 1, proxyUpdates: 1, first: true });
    const state = program.getState();
    program.dispose();
    return { ranked, first, second, state };
  };

  test('weighs the rows of the inner step by the softmax of f/τ', async () => {
    const { first, ranked } = await steps();
    const weights = double(start.proxy);
    const P = softmax(inner.map((ids, i) => logit(ids, innerFeatures[i], score['features.weight'])));
    expect(first.weightedCrossEntropy).toBeCloseTo(sum(inner.map((ids, i) => P[i] * loss64({ config, weights, ids, causal: true }))), 5);
    outer.forEach((ids, i) => expect(ranked[i]).toBeCloseTo(logit(ids, outerFeatures[i], score['features.weight']), 4));
  });

  test('has the hypergradient of its features’ weights: the derivative of −Σ P_i a_i, κ and 1/τ included', async () => {
    const { second: { alignment }, state } = await steps();
    const w = Float64Array.from(score['features.weight']);
    const phi = (at: ArrayLike<number>): number => -sum(softmax(outer.map((ids, i) => logit(ids, outerFeatures[i], at))).map((p, i) => p * alignment[i]));
    const h = 1e-5;
    const expected = Array.from(w, (_, k) => (phi(w.map((value, i) => (i === k ? value + h : value))) - phi(w.map((value, i) => (i === k ? value - h : value)))) / (2 * h));
    const found = Array.from(state['score.adam.m/features.weight'], (x) => x / (1 - beta1));
    expect(found).toHaveLength(K);
    const scale = Math.max(...expected.map(Math.abs));
    expected.forEach((value, k) => expect(Math.abs(found[k] - value) / scale).toBeLessThan(1e-4));
  });

  test('begins with no word of them: the weights of features are 0, whatever the rest is drawn from', () => {
    const fresh = createScoreModel(model, scoreFeatures(section)).fromProxy({ proxy: start.proxy, vocabularySize: V, seed: 's' });
    expect([...fresh['features.weight']]).toEqual([0, 0, 0, 0]);
    const plain = createScoreModel(model).fromProxy({ proxy: start.proxy, vocabularySize: V, seed: 's' });
    expect(Object.keys(fresh)).toEqual(backbone ? [...Object.keys(plain), 'features.weight'] : ['head.bias', 'features.weight']);
    if (backbone) expect(fresh['head.weight']).toEqual(plain['head.weight']);
  });
});
