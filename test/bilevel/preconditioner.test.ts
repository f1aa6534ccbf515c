import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { createModel, createScoreModel, type LlamaConfig } from '../../lib/models/index.js';
import { bilevelProgramSettings, createBilevelProgram } from '../../lib/programs/index.js';
import { groupOf } from '../../lib/programs/state-variables.js';
import { randomStream } from '../../lib/random.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { logits64, logSoftmax64, loss64, scoreLogit64 } from '../models/llama-reference.js';
import { tinyLlama, unsettle } from '../models/tiny.js';
import { gradient64, type Inputs } from '../tensor/finite-differences.js';

/**
 * Influence through a step of AdamW, against that step in float64: the upper loss after one more step of the proxy on the outer minibatch,
 * differentiated by differences. A step so short that the upper gradient is the same at its end.
 * @see method §3
 */
const [V, n, m, T, K] = [12, 8, 6, 8, 20];
const config: LlamaConfig = { ...tinyLlama, width: 8, heads: 2, keyValueHeads: 1, intermediate: 6, tieEmbeddings: false };
const [lr, short, beta1, beta2] = [0.01, 1e-6, 0.9, 0.95];
const EMBEDDING = 'model.embed_tokens.weight';
/** a token that no inner minibatch has, and outer and validation ones do */
const UNSEEN = V - 1;

const drawn = (rows: number, tokens: readonly number[], seed: string): number[][] => {
  const random = randomStream('rows', seed);
  return Array.from({ length: rows }, () => Array.from({ length: T }, () => tokens[random.below(tokens.length)]));
};
const seen = Array.from({ length: UNSEEN }, (_, token) => token);
const inner = Array.from({ length: K }, (_, k) => drawn(n, seen, `inner ${k}`));
const withUnseen = (rows: number[][], at: readonly number[]): number[][] => rows.map((row, i) => row.map((token, t) => (t === 3 && at.includes(i) ? UNSEEN : token)));
const outer = withUnseen(drawn(n, seen, 'outer'), [1, 4, 6]);
const validation = withUnseen(drawn(m, seen, 'validation'), [2]);

const model = createModel(config);
const start = {
  proxy: unsettle(model.init({ vocabularySize: V, seed: 'p' }), 1),
  target: unsettle(model.init({ vocabularySize: V, seed: 'r' }), 2),
  score: unsettle(createScoreModel(model).init({ vocabularySize: V, seed: 's' }), 3),
};

/** leaves elements of the proxy's gradient as small as they are in a model of a million weights at a norm of 1 */
const CLIP = 0.02;

/** K inner steps and an outer one. */
async function outerStep(solver: z.input<typeof bilevelSchema>['solver'], clip = CLIP) {
  const adam = { beta1, beta2, epsilon: 1e-8, weightDecay: 0.1 };
  const section = bilevelSchema.parse({ batchSize: n, validationBatchSize: m, validationLoss: 'all-tokens', weights: 'logits', temperature: 0.4, proxy: { adam, gradientClip: clip }, score: { adam, hypergradientClip: 1e9 }, solver: { method: 'identity', ...solver } });
  const program = await createBilevelProgram({ proxy: config, target: config, vocabularySize: V, sequenceLength: T, bilevel: bilevelProgramSettings(section), mode: 'graph' });
  program.setState(program.fresh(start));
  inner.forEach((rows, k) => program.innerStep({ ids: Int32Array.from(rows.flat()), learningRate: lr, update: k + 1, first: true }));
  const { alignment } = program.outerStep({ validationIds: Int32Array.from(validation.flat()), validationMask: Float32Array.from(validation.flatMap((row) => row.map((_, t) => (t === 0 ? 0 : 1)))), ids: Int32Array.from(outer.flat()), learningRate: lr, update: 1, proxyUpdates: K, first: true });
  const state = program.getState();
  program.dispose();
  return { alignment: [...alignment], state, section };
}

const double = (arrays: NamedArrays): Inputs => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));
const map = (x: Inputs, f: (value: number, name: string, i: number) => number): Inputs => Object.fromEntries(Object.entries(x).map(([name, values]) => [name, values.map((value, i) => f(value, name, i))]));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const normOf = (x: Inputs): number => Math.sqrt(sum(Object.values(x).flatMap((values) => Array.from(values, (value) => value * value))));

/**
 * F after a step of AdamW from the state after the inner steps, as a function of the weights of the outer minibatch's rows, and what the clip
 * multiplies the step's gradient by.
 */
function afterStep(state: NamedArrays, { klWeight, l2Weight }: z.output<typeof bilevelSchema>, { isMoving, epsilon, clip }: { readonly isMoving: boolean; readonly epsilon: number; readonly clip: number }): { readonly F: (P: readonly number[]) => number; readonly factor: number } {
  const [proxy, moment, second] = ['proxy', 'proxy.adam.m', 'proxy.adam.u'].map((group) => double(groupOf(state, group)));
  const upper = (weights: Inputs): number => sum(validation.map((ids) => loss64({ config, weights, ids, causal: true }))) / m;
  const ofRows = outer.map((ids) => gradient64((weights) => loss64({ config, weights, ids, causal: true }), proxy));
  const logProbabilities = (weights: Inputs, ids: readonly number[]): Float64Array[] => logits64({ config, weights, ids, causal: true }).map(logSoftmax64);
  const target = outer.map((ids) => logProbabilities(double(start.target), ids));
  const kl = (weights: Inputs): number => sum(outer.map((ids, i) => sum(logProbabilities(weights, ids).map((p, t) => target[i][t].reduce((total, q, v) => total + Math.exp(q) * (q - p[v]), 0))))) / (n * T);
  const rest = gradient64((weights) => klWeight * kl(weights) + l2Weight * normOf(weights) ** 2, proxy);
  const whole = (P: readonly number[]): Inputs => map(rest, (value, name, i) => value + sum(P.map((weight, row) => weight * ofRows[row][name][i])));
  // the clip's own derivative is left out: one factor for all rows
  const factor = Math.min(1, clip / (normOf(whole(outer.map(() => 1 / n))) + 1e-6));
  const F = (P: readonly number[]): number => {
    const g = whole(P);
    const next = map(proxy, (p, name, i) => {
      const gradient = factor * g[name][i];
      const u = second[name][i];
      const root = isMoving ? Math.sqrt((beta2 * u + (1 - beta2) * gradient ** 2) / (1 - beta2 ** (K + 1))) : Math.sqrt(u / (1 - beta2 ** K));
      return p * (1 - short * 0.1) - ((short / (1 - beta1 ** (K + 1))) * (beta1 * moment[name][i] + (1 - beta1) * gradient)) / (root + epsilon);
    });
    return upper(next);
  };
  return { F, factor };
}
/** of a_i: what a step makes of the weight of a row */
const perWeight = (short * (1 - beta1)) / (1 - beta1 ** (K + 1));

/** a_i by differences: how far a step lowers F for each unit of a row's weight */
const influences = (F: (P: readonly number[]) => number): number[] => {
  const P = outer.map(() => 1 / n);
  const h = 1e-3;
  return P.map((_, row) => (F(P.map((p, i) => (i === row ? p - h : p))) - F(P.map((p, i) => (i === row ? p + h : p)))) / (2 * h * perWeight));
};

function correlation(a: readonly number[], b: readonly number[]): number {
  const centred = (x: readonly number[]): number[] => x.map((value) => value - sum(x) / x.length);
  const [x, y] = [centred(a), centred(b)];
  const inner64 = (p: readonly number[], q: readonly number[]): number => sum(p.map((value, i) => value * q[i]));
  return inner64(x, y) / Math.sqrt(inner64(x, x) * inner64(y, y));
}
const offBy = (found: ArrayLike<number>, wanted: ArrayLike<number>): number => Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / Math.max(...Array.from(wanted, Math.abs));

describe('with AdamW’s preconditioner', () => {
  test('∇Φ is the derivative by θ_s of F after a step of AdamW whose second moment stands, 1/τ and bias correction included', async () => {
    const { state, section } = await outerStep({ preconditioner: 'adam', epsilon: 1e-3 }, 1e9);
    const { F } = afterStep(state, section, { isMoving: false, epsilon: 1e-3, clip: 1e9 });
    const after = (score: Inputs): number => {
      const powers = outer.map((ids) => Math.exp(scoreLogit64({ config, weights: score, ids }) / 0.4));
      return F(powers.map((power) => power / sum(powers)));
    };
    const h = 1e-2;
    const score = double(start.score);
    // of the head and of one tensor deep in the backbone: every other is one backward pass of the same c_i
    for (const name of ['head.weight', 'model.norm.weight']) {
      const expected = Array.from(score[name], (_, at) => {
        const shifted = (by: number): Inputs => map(score, (value, of, i) => (of === name && i === at ? value + by : value));
        return (after(shifted(h)) - after(shifted(-h))) / (2 * h * perWeight);
      });
      // the first step's m is (1 − β₁) of the hypergradient
      const found = Array.from(state[`score.adam.m/${name}`], (x) => x / (1 - beta1));
      expect(offBy(found, expected), name).toBeLessThan(2e-3);
    }
  }, 60_000);

  /*
   * A token of the outer and the validation minibatch that no inner one had: its embedding's û is what λ leaves, about 0. Plain AdamW's ε
   * gives z there 1e8 of ∇F, as if û stood; in truth the step's own gradient enters û, and the step has a bound.
   */
  describe('where no step has touched the proxy, as in the embedding of a token that no inner minibatch had', () => {
    test('z is ∇F ⊘ (√û + ε), û corrected for the moments’ start: nearly ∇F/ε, and a_i what a step makes of it whose û stands', async () => {
      const [{ state, section, alignment }, { state: plain }] = [await outerStep({ preconditioner: 'adam' }), await outerStep({})];
      const [z, gradient, u] = [groupOf(state, 'z'), groupOf(plain, 'z'), groupOf(state, 'proxy.adam.u')].map(double);
      for (const [name, values] of Object.entries(z)) expect(offBy(values, gradient[name].map((v, i) => v / (Math.sqrt(u[name][i] / (1 - beta2 ** K)) + 1e-4))), name).toBeLessThan(1e-5);
      const untouched = Array.from({ length: config.width }, (_, i) => UNSEEN * config.width + i);
      for (const i of untouched) {
        expect(Math.abs(gradient[EMBEDDING][i])).toBeGreaterThan(1e-6);
        expect(z[EMBEDDING][i] / gradient[EMBEDDING][i]).toBeCloseTo(1e4, -1);
      }
      const { F, factor } = afterStep(state, section, { isMoving: false, epsilon: 1e-4, clip: CLIP });
      expect(offBy(alignment, influences(F).map((a) => a / factor))).toBeLessThan(2e-3);
    }, 60_000);

    test('the default of ε keeps a_i with what a true step makes of the rows, where AdamW’s own ε leaves the order of rows to that token', async () => {
      const { state, section, alignment } = await outerStep({ preconditioner: 'adam' });
      const truth = influences(afterStep(state, section, { isMoving: true, epsilon: 1e-8, clip: CLIP }).F);
      expect(correlation(alignment, truth)).toBeGreaterThan(0.85);
      const { alignment: unbounded } = await outerStep({ preconditioner: 'adam', epsilon: 1e-8 });
      expect(correlation(unbounded, truth)).toBeLessThan(0.3);
      // the rows that have it, and no others
      expect(unbounded.flatMap((a, i) => (Math.abs(a) > 1e4 ? [i] : []))).toEqual(outer.flatMap((row, i) => (row.includes(UNSEEN) ? [i] : [])));
    }, 60_000);
  });
});
