import { createModel, createScoreModel } from '../../lib/models/index.js';
import { randomStream } from '../../lib/random.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { logits64, logSoftmax64, loss64, scoreLogit64, type Weights64 } from '../models/llama-reference.js';
import { randomIds, tinyLlama, unsettle, vocabularySize } from '../models/tiny.js';

/*
 * Probes and the regression once more in float64: the forward pass is that of test/models/llama-reference.ts, every gradient a central difference of it,
 * AdamW and clip as formulas. Nothing is shared with lib but the weights.
 */
export const config = tinyLlama;
export const T = 8;
const model = createModel(config);
const scoreModel = createScoreModel(model);
export const weights: NamedArrays = unsettle(model.init({ vocabularySize, seed: 'probed' }), 4);
export const score: NamedArrays = unsettle(scoreModel.fromProxy({ proxy: weights, vocabularySize, seed: 'head' }), 5);
export const rows = randomIds({ rows: 4, length: T, seed: 11 });
export const validation = randomIds({ rows: 5, length: T, seed: 12 });
/** of example i the last i + 1 tokens count */
export const mask: readonly (readonly number[])[] = validation.map((row, i) => row.map((_, t) => (t >= T - 1 - i ? 1 : 0)));

/** as far from zero as those of a model in training are, and of every tensor */
export const moments: NamedArrays = Object.fromEntries(
  Object.entries(weights).flatMap(([name, array]) => {
    const random = randomStream('moments', name);
    return [[`adam.m/${name}`, Float32Array.from(array, () => 0.02 * random.normal())] as const, [`adam.u/${name}`, Float32Array.from(array, () => 1e-3 * (0.2 + random.uniform()))] as const];
  }),
);
export const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

type Mutable64 = Record<string, Float64Array>;
export const as64 = (arrays: NamedArrays): Mutable64 => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));

/** ∂f/∂θ, element by element, to about 1e-10 of its largest */
export function gradient64(f: (at: Weights64) => number, at: Mutable64): Mutable64 {
  const h = 1e-5;
  return Object.fromEntries(
    Object.entries(at).map(([name, array]) => [
      name,
      array.map((value, i) => {
        array[i] = value + h;
        const above = f(at);
        array[i] = value - h;
        const below = f(at);
        array[i] = value;
        return (above - below) / (2 * h);
      }),
    ]),
  );
}

export const norm64 = (vector: Mutable64): number => Math.sqrt(Object.values(vector).reduce((sum, array) => sum + array.reduce((s, x) => s + x * x, 0), 0));

/** Σ over the counted tokens of all validation examples, over their number */
export function validationLoss64(at: Weights64): number {
  let total = 0;
  let counted = 0;
  validation.forEach((ids, i) => {
    const logP = logits64({ config, weights: at, ids, causal: true }).map(logSoftmax64);
    for (let t = 1; t < T; t++) {
      if (mask[i][t] === 0) continue;
      total -= logP[t - 1][ids[t]];
      counted++;
    }
  });
  return total / counted;
}

/** One AdamW step of `weights` on one row with `moments`, the gradient clipped. */
export function stepped64({ ids, learningRate, update, gradientClip }: { readonly ids: readonly number[]; readonly learningRate: number; readonly update: number; readonly gradientClip: number }): { readonly weights: Mutable64; readonly gradientNorm: number } {
  const start = as64(weights);
  const gradient = gradient64((at) => loss64({ config, weights: at, ids, causal: true }), start);
  const gradientNorm = norm64(gradient);
  const scale = Math.min(1, gradientClip / (gradientNorm + 1e-6));
  const { beta1, beta2, epsilon, weightDecay } = adam;
  const next = Object.entries(start).map(([name, array]) => [
    name,
    array.map((p, i) => {
      const g = gradient[name][i] * scale;
      const m = (beta1 * moments[`adam.m/${name}`][i] + (1 - beta1) * g) / (1 - beta1 ** update);
      const u = (beta2 * moments[`adam.u/${name}`][i] + (1 - beta2) * g * g) / (1 - beta2 ** update);
      return p - learningRate * weightDecay * p - (learningRate * m) / (Math.sqrt(u) + epsilon);
    }),
  ] as const);
  return { weights: Object.fromEntries(next), gradientNorm };
}

/** (1/n) Σ (f_i − y_i)² of the score model */
export const regressionLoss64 = (at: Weights64, targets: readonly number[]): number =>
  rows.reduce((sum, ids, i) => sum + (scoreLogit64({ config, weights: at, ids }) - targets[i]) ** 2, 0) / rows.length;
