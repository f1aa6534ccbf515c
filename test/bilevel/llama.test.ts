import { describe, expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram } from '../../lib/programs/index.js';
import { randomIds, tinyLlama, unsettle } from '../models/tiny.js';
import { normOf, stepsByDefinition } from './reference-step.js';

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
const [expected] = stepsByDefinition({ section, proxy: proxyConfig, target: targetConfig, start, steps: [{ inner: [rows.inner], outer: rows.outer, validation: rows.validation, mask }], learningRate });

/** relative to the largest element */
function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(found.length, what).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, Math.abs));
  expect(Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / scale, what).toBeLessThan(tolerance);
}

describe('an inner and an outer step with a LLaMA proxy, score model and target', () => {
  test('the case holds what it is to test: both clips act, and every tensor of θ_s has a hypergradient', () => {
    expect(expected.inner[0].factor).toBeLessThan(1);
    expect(Object.values(expected.hypergradient).some((g) => normOf({ g }) > section.score.hypergradientClip)).toBe(true);
    for (const [name, g] of Object.entries(expected.hypergradient)) if (name !== 'head.bias') expect(normOf({ g }), name).toBeGreaterThan(1e-7);
  });

  test.each(['eager', 'graph', 'xla'] as const)('%s equals the method in float64', async (mode) => {
    const [innerExpected] = expected.inner;
    const program = await createBilevelProgram({ proxy: proxyConfig, target: targetConfig, vocabularySize: V, sequenceLength: T, bilevel: bilevelProgramSettings(section), mode });
    const state: Record<string, Float32Array | Int32Array> = { ...program.getState() };
    for (const [group, arrays] of Object.entries(start)) for (const [name, array] of Object.entries(arrays)) state[`${group}/${name}`] = array;
    program.setState(state);
    const inner = program.innerStep({ ids: Int32Array.from(rows.inner.flat()), learningRate, update: 1, first: true });
    const outer = program.outerStep({ validationIds: Int32Array.from(rows.validation.flat()), validationMask: Float32Array.from(mask.flat()), ids: Int32Array.from(rows.outer.flat()), learningRate, update: 1, proxyUpdates: 1, first: true });
    const after = program.getState();
    program.dispose();

    expectClose([inner.lowerLoss, inner.weightedCrossEntropy, inner.kl, inner.gradientNorm], [innerExpected.G, innerExpected.weighted, innerExpected.kl, innerExpected.gradientNorm], 2e-6, 'inner losses');
    expectClose(inner.scores, innerExpected.scores, 1e-6, 'inner scores');
    for (const [name, wanted] of Object.entries(expected.proxy)) expectClose(after[`proxy/${name}`], wanted, 2e-6, `proxy ${name}`);
    expectClose(outer.scores, expected.scores, 1e-6, 'outer scores');
    expectClose([outer.upperLoss], [expected.upperLoss], 2e-6, 'F');
    expectClose([outer.zNorm, outer.residualNorm], [normOf(expected.z), expected.solution.residualNorm], 1e-5, '‖z‖ and residual');
    for (const [name, wanted] of Object.entries(expected.z)) expectClose(after[`z/${name}`], wanted, 5e-6, `z ${name}`);
    expectClose(outer.alignment, expected.a, 1e-5, 'a_i');
    expectClose([outer.hypergradientNorm], [normOf(expected.hypergradient)], 1e-5, '‖∇Φ‖');
    for (const [name, wanted] of Object.entries(expected.clipped)) expectClose(Array.from(after[`score.adam.m/${name}`], (x) => x / (1 - adam.beta1)), wanted, 2e-5, `∇Φ clipped ${name}`);
    for (const [name, wanted] of Object.entries(expected.score)) expectClose(after[`score/${name}`], wanted, 2e-5, `score model ${name}`);
  }, 240_000);
});
