import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { logits64, logSoftmax64, loss64, scoreLogit64 } from '../models/llama-reference.js';
import { randomIds, tinyLlama, unsettle } from '../models/tiny.js';
import { gradient64, hessianProduct64, type Function64, type Inputs } from '../tensor/finite-differences.js';
import { solveByReference, type Vector } from './reference-solvers.js';

/**
 * One inner and one outer step of a LLaMA proxy and score model under a LLaMA target, against the method in float64: losses by the
 * reference model, gradients and products with H by differences of them.
 */
const [V, n, m, T] = [8, 3, 2, 4];
const proxyConfig = tinyLlama;
const targetConfig = { ...tinyLlama, width: 12, heads: 2, keyValueHeads: 1, tieEmbeddings: false };
const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 }; // ε so large that rounding of a tiny gradient moves nothing
const section = bilevelSchema.parse({
  batchSize: n,
  validationBatchSize: m,
  klWeight: 0.3,
  l2Weight: 0.01,
  proxy: { adam, gradientClip: 0.7 },
  score: { adam, hypergradientClip: 1e-4 },
  solver: { method: 'gd', steps: 3, learningRate: 0.3, damping: 0.1, residualClip: 0.2 },
});
const learningRate = 0.01;
const small = (rows: number[][]): number[][] => rows.map((row) => row.map((id) => id % V));
const rows = { inner: small(randomIds({ rows: n, length: T, seed: 11 })), outer: small(randomIds({ rows: n, length: T, seed: 12 })), validation: small(randomIds({ rows: m, length: T, seed: 13 })) };
const mask = rows.validation.map((row, i) => row.map((_, t) => (t >= T - 1 - i ? 1 : 0)));

const [proxy, target] = [createModel(proxyConfig), createModel(targetConfig)];
const start = {
  proxy: unsettle(proxy.init({ vocabularySize: V, seed: 'p' }), 1),
  target: unsettle(target.init({ vocabularySize: V, seed: 'r' }), 2),
  score: unsettle(createScoreModel(proxy).init({ vocabularySize: V, seed: 's' }), 3),
};
const double = (arrays: NamedArrays): Inputs => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const normOf = (tensors: Inputs): number => Math.sqrt(sum(Object.values(tensors).map((x) => x.reduce((total, value) => total + value * value, 0))));
const map = (tensors: Inputs, f: (x: Float64Array, name: string) => Float64Array): Inputs => Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, f(x, name)]));

const score64 = (weights: Inputs, ids: readonly number[]): number => 1 / (1 + Math.exp(-scoreLogit64({ config: proxyConfig, weights, ids })));
const loss = (weights: Inputs, ids: readonly number[]): number => loss64({ config: proxyConfig, weights, ids, causal: true });
function softmax(values: readonly number[]): number[] {
  const powers = values.map(Math.exp);
  return powers.map((p) => p / sum(powers));
}

interface Lower {
  readonly weighted: number;
  readonly kl: number;
  readonly G: number;
}
/** G and its parts on a minibatch */
function lower(weights: Inputs, batch: readonly (readonly number[])[], P: readonly number[]): Lower {
  const weighted = sum(batch.map((ids, i) => P[i] * loss(weights, ids)));
  const divergences = batch.flatMap((ids) => {
    const p = logits64({ config: proxyConfig, weights, ids, causal: true }).map(logSoftmax64);
    const q = logits64({ config: targetConfig, weights: start.target, ids, causal: true }).map(logSoftmax64);
    return q.map((row, t) => row.reduce((total, x, v) => total + Math.exp(x) * (x - p[t][v]), 0));
  });
  const kl = sum(divergences) / divergences.length;
  return { weighted, kl, G: weighted + section.klWeight * kl + section.l2Weight * normOf(weights) ** 2 };
}

/** the first update of AdamW, whose bias corrections leave g and |g| */
const updated = (weights: Inputs, gradient: Inputs): Inputs => map(weights, (p, name) => p.map((x, i) => x * (1 - learningRate * adam.weightDecay) - (learningRate * gradient[name][i]) / (Math.abs(gradient[name][i]) + adam.epsilon)));

function byDefinition() {
  const scores = { inner: rows.inner.map((ids) => score64(double(start.score), ids)), outer: rows.outer.map((ids) => score64(double(start.score), ids)) };
  const inner = lower(double(start.proxy), rows.inner, softmax(scores.inner));
  const gradient = gradient64((weights) => lower(weights, rows.inner, softmax(scores.inner)).G, double(start.proxy));
  const gradientNorm = normOf(gradient);
  const factor = Math.min(1, section.proxy.gradientClip / (gradientNorm + 1e-6));
  const moved = updated(double(start.proxy), map(gradient, (g) => g.map((x) => x * factor)));

  const F: Function64 = (weights) => {
    const terms = rows.validation.flatMap((ids, i) => {
      const logP = logits64({ config: proxyConfig, weights, ids, causal: true }).map(logSoftmax64);
      return ids.flatMap((id, t) => (mask[i][t] === 1 ? [-logP[t - 1][id]] : []));
    });
    return sum(terms) / terms.length;
  };
  const P = softmax(scores.outer);
  const names = Object.keys(moved);
  const vector = (tensors: Inputs): Vector => names.map((name) => [...tensors[name]]);
  const named = (parts: Vector): Inputs => Object.fromEntries(names.map((name, k) => [name, Float64Array.from(parts[k])]));
  const solution = solveByReference({
    product: (x) => vector(hessianProduct64((weights) => lower(weights, rows.outer, P).G, moved, named(x))),
    gradient: vector(gradient64(F, moved)),
    start: names.map((name) => new Array<number>(moved[name].length).fill(0)),
    settings: section.solver,
  });
  const z = named(solution.z);
  const along = (weights: Inputs, distance: number): Inputs => map(weights, (x, name) => x.map((value, i) => value + distance * z[name][i]));
  const a = rows.outer.map((ids) => (loss(along(moved, 1e-4), ids) - loss(along(moved, -1e-4), ids)) / 2e-4);
  const mean = sum(a.map((value, i) => P[i] * value));
  const coefficients = a.map((value, i) => -P[i] * (value - mean));
  const hypergradient = gradient64((weights) => sum(rows.outer.map((ids, i) => coefficients[i] * score64(weights, ids))), double(start.score));
  const clipped = map(hypergradient, (g) => (normOf({ g }) > section.score.hypergradientClip ? g.map((x) => x / normOf({ g })) : g));
  return { inner, gradientNorm, factor, scores, moved, upperLoss: F(moved), solution, z, a, hypergradient, clipped, score: updated(double(start.score), clipped) };
}

/** relative to the largest element */
function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(found.length, what).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, Math.abs));
  expect(Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / scale, what).toBeLessThan(tolerance);
}

describe('an inner and an outer step with a LLaMA proxy, score model and target', () => {
  const expected = byDefinition();

  test('the case holds what it is to test: both clips act, and every tensor of θ_s has a hypergradient', () => {
    expect(expected.factor).toBeLessThan(1);
    expect(Object.values(expected.hypergradient).some((g) => normOf({ g }) > section.score.hypergradientClip)).toBe(true);
    for (const [name, g] of Object.entries(expected.hypergradient)) if (name !== 'head.bias') expect(normOf({ g }), name).toBeGreaterThan(1e-7);
  });

  test.each(['eager', 'graph', 'xla'] as const)('%s equals the method in float64', async (mode) => {
    const program = await createBilevelProgram({ proxy: proxyConfig, target: targetConfig, vocabularySize: V, sequenceLength: T, bilevel: bilevelProgramSettings(section), mode });
    const state: Record<string, Float32Array | Int32Array> = { ...program.getState() };
    for (const [group, arrays] of Object.entries(start)) for (const [name, array] of Object.entries(arrays)) state[`${group}/${name}`] = array;
    program.setState(state);
    const inner = program.innerStep({ ids: Int32Array.from(rows.inner.flat()), learningRate, update: 1, first: true });
    const outer = program.outerStep({ validationIds: Int32Array.from(rows.validation.flat()), validationMask: Float32Array.from(mask.flat()), ids: Int32Array.from(rows.outer.flat()), learningRate, update: 1, first: true });
    const after = program.getState();
    program.dispose();

    expectClose([inner.lowerLoss, inner.weightedCrossEntropy, inner.kl, inner.gradientNorm], [expected.inner.G, expected.inner.weighted, expected.inner.kl, expected.gradientNorm], 2e-6, 'inner losses');
    expectClose(inner.scores, expected.scores.inner, 1e-6, 'inner scores');
    for (const [name, wanted] of Object.entries(expected.moved)) expectClose(after[`proxy/${name}`], wanted, 2e-6, `proxy ${name}`);
    expectClose(outer.scores, expected.scores.outer, 1e-6, 'outer scores');
    expectClose([outer.upperLoss], [expected.upperLoss], 2e-6, 'F');
    expectClose([outer.zNorm, outer.residualNorm], [normOf(expected.z), expected.solution.residualNorm], 1e-5, '‖z‖ and residual');
    for (const [name, wanted] of Object.entries(expected.z)) expectClose(after[`z/${name}`], wanted, 5e-6, `z ${name}`);
    expectClose(outer.alignment, expected.a, 1e-5, 'a_i');
    expectClose([outer.hypergradientNorm], [normOf(expected.hypergradient)], 1e-5, '‖∇Φ‖');
    for (const [name, wanted] of Object.entries(expected.clipped)) expectClose(Array.from(after[`score.adam.m/${name}`], (x) => x / (1 - adam.beta1)), wanted, 2e-5, `∇Φ clipped ${name}`);
    for (const [name, wanted] of Object.entries(expected.score)) expectClose(after[`score/${name}`], wanted, 2e-5, `score model ${name}`);
  }, 240_000);
});
