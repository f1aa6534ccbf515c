import type { BilevelConfig } from '../../config/sections/bilevel.js';
import type { LlamaConfig } from '../../lib/models/index.js';
import { roundToHalf } from '../../lib/round-to-half.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { logits64, logSoftmax64, scoreLogit64 } from '../models/llama-reference.js';
import { gradient64, hessianProduct64, type Inputs } from '../tensor/finite-differences.js';
import { solveByReference, type ReferenceSolution, type Vector } from './reference-solvers.js';

export type Rows = readonly (readonly number[])[];

/** Outer steps of LLaMA models, to be computed by the method's definitions in float64. */
export interface Definition {
  readonly section: BilevelConfig;
  readonly proxy: LlamaConfig;
  readonly target: LlamaConfig;
  readonly start: Readonly<Record<'proxy' | 'target' | 'score', NamedArrays>>;
  /** of each outer step: K inner minibatches, the outer one, and validation rows with 1 where a token counts */
  readonly steps: readonly { readonly inner: readonly Rows[]; readonly outer: Rows; readonly validation: Rows; readonly mask: Rows }[];
  /** of both levels, in every step */
  readonly learningRate: number;
}

export interface InnerByDefinition {
  readonly scores: readonly number[];
  readonly weighted: number;
  readonly kl: number;
  readonly G: number;
  readonly gradientNorm: number;
  /** of the clip */
  readonly factor: number;
}
export interface OuterByDefinition {
  readonly inner: readonly InnerByDefinition[];
  /** θ_p after the inner steps */
  readonly proxy: Inputs;
  readonly upperLoss: number;
  readonly scores: readonly number[];
  readonly solution: ReferenceSolution;
  readonly z: Inputs;
  readonly a: readonly number[];
  readonly hypergradient: Inputs;
  readonly clipped: Inputs;
  /** θ_s after */
  readonly score: Inputs;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const map = (tensors: Inputs, f: (x: Float64Array, name: string) => Float64Array): Inputs => Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, f(x, name)]));
const double = (arrays: NamedArrays): Inputs => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, Float64Array.from(array)]));
export const normOf = (tensors: Inputs): number => Math.sqrt(sum(Object.values(tensors).map((x) => x.reduce((total, value) => total + value * value, 0))));

/**
 * Gradients and products with H by differences of losses that the reference model gives; nothing is shared with lib/bilevel but the settings.
 * @see method §2, §3 and §4, step 2
 */
export function stepsByDefinition({ section, proxy: proxyConfig, target: targetConfig, start, steps, learningRate }: Definition): readonly OuterByDefinition[] {
  const { causalProxy: causal, klWeight, klDirection, l2Weight, referenceDevices: N, weights: kind, temperature = 1, normaliser, solver } = section;
  const logProbabilities = (weights: Inputs, ids: readonly number[]): Float64Array[] => logits64({ config: proxyConfig, weights, ids, causal }).map(logSoftmax64);
  const ofTarget = new Map<readonly number[], Float64Array[]>();
  const targetLogProbabilities = (ids: readonly number[]): Float64Array[] => {
    const known = ofTarget.get(ids) ?? logits64({ config: targetConfig, weights: start.target, ids, causal: true }).map(logSoftmax64);
    ofTarget.set(ids, known);
    return known;
  };
  const lossOf = (logP: readonly Float64Array[], ids: readonly number[]): number => mean(ids.slice(1).map((next, t) => -logP[t][next]));
  const scoreOf = (weights: Inputs, ids: readonly number[]): number => {
    const f = scoreLogit64({ config: proxyConfig, weights, ids });
    return kind === 'logits' ? f : 1 / (1 + Math.exp(-f));
  };

  /** G and its parts on a minibatch */
  const lower = (weights: Inputs, batch: Rows, P: readonly number[]): Pick<InnerByDefinition, 'weighted' | 'kl' | 'G'> => {
    const rows = batch.map((ids) => logProbabilities(weights, ids));
    const weighted = sum(batch.map((ids, i) => P[i] * lossOf(rows[i], ids)));
    const kl = mean(
      batch.flatMap((ids, i) =>
        targetLogProbabilities(ids).map((q, t) => {
          const [from, to] = klDirection === 'target-proxy' ? [q, rows[i][t]] : [rows[i][t], q];
          return from.reduce((total, x, v) => total + Math.exp(x) * (x - to[v]), 0);
        }),
      ),
    );
    return { weighted, kl, G: weighted / N + klWeight * kl + l2Weight * normOf(weights) ** 2 };
  };

  /** the positive semidefinite part of H: Jᵀ M J + 2λI */
  const gaussNewton = (weights: Inputs, batch: Rows, P: readonly number[], x: Inputs): Inputs => {
    const logits = (at: Inputs): Float64Array[][] => batch.map((ids) => logits64({ config: proxyConfig, weights: at, ids, causal }));
    const [above, below] = [1e-4, -1e-4].map((h) => logits(along(weights, x, h)));
    const pulled = batch.map((ids, i) =>
      logProbabilities(weights, ids).map((logP, t) => {
        const p = logP.map(Math.exp);
        const tangent = p.map((_, v) => (above[i][t][v] - below[i][t][v]) / 2e-4);
        const expected = p.reduce((total, share, v) => total + share * tangent[v], 0);
        const w = (t < ids.length - 1 ? P[i] / (N * (ids.length - 1)) : 0) + klWeight / (batch.length * ids.length);
        return p.map((share, v) => w * share * (tangent[v] - expected));
      }),
    );
    const transposed = gradient64((at) => sum(logits(at).flatMap((row, i) => row.map((position, t) => position.reduce((total, l, v) => total + l * pulled[i][t][v], 0)))), weights);
    return map(transposed, (g, name) => g.map((value, i) => value + 2 * l2Weight * x[name][i]));
  };

  const proxy = adamw(double(start.proxy), section.proxy.adam, learningRate);
  const score = adamw(double(start.score), section.score.adam, learningRate);
  const tau = kind === 'logits' ? temperature : 1;
  let before: { readonly max: number; readonly sum: number; readonly z: Vector } | undefined;

  return steps.map(({ inner: batches, outer, validation, mask }): OuterByDefinition => {
    const exact = (scores: readonly number[]): number[] => (kind === 'raw' ? scores.map((s) => s / scores.length) : softmax(scores.map((s) => s / tau)));
    const weigh = (scores: readonly number[]): number[] => {
      if (kind === 'raw' || normaliser === 'fresh' || before === undefined) return exact(scores);
      const { max, sum: total } = before;
      return scores.map((s) => Math.exp(s - max) / total);
    };

    const inner = batches.map((batch): InnerByDefinition => {
      const scores = batch.map((ids) => scoreOf(score.weights(), ids));
      const P = weigh(scores);
      const gradient = gradient64((weights) => lower(weights, batch, P).G, proxy.weights());
      const gradientNorm = normOf(gradient);
      const factor = Math.min(1, section.proxy.gradientClip / (gradientNorm + 1e-6));
      const parts = lower(proxy.weights(), batch, P);
      proxy.step(map(gradient, (g) => g.map((x) => x * factor)));
      return { ...parts, scores, gradientNorm, factor };
    });

    const at = proxy.weights();
    // what pads a row of the minibatch beyond its longest is seen by nobody
    const longest = Math.max(...mask.map((row) => row.lastIndexOf(1) + 1));
    const F = (weights: Inputs): number =>
      mean(
        validation.flatMap((ids, i) => {
          const logP = logProbabilities(weights, ids.slice(0, longest));
          return ids.flatMap((id, t) => (mask[i][t] === 1 ? [-logP[t - 1][id]] : []));
        }),
      );
    const scores = outer.map((ids) => scoreOf(score.weights(), ids));
    const P = weigh(scores);
    const names = Object.keys(at);
    const vector = (tensors: Inputs): Vector => names.map((name) => [...tensors[name]]);
    const named = (parts: Vector): Inputs => Object.fromEntries(names.map((name, k) => [name, Float64Array.from(parts[k])]));
    const filled = (value: (size: number) => number): Vector => names.map((name) => new Array<number>(at[name].length).fill(value(at[name].length)));
    const product = (x: Vector): Vector => vector(solver.curvature === 'hessian' ? hessianProduct64((weights) => lower(weights, outer, P).G, at, named(x)) : gaussNewton(at, outer, P, named(x)));
    const from = { zero: () => filled(() => 0), release: () => filled((size) => (before === undefined ? roundToHalf(1 / size) : 1 / size)), warm: () => before?.z ?? filled(() => 0) }[solver.start]();
    const solution = solveByReference({ product, gradient: vector(gradient64(F, at)), start: from, settings: solver, secondMoment: vector(proxy.secondMoment()) });
    const z = named(solution.z);

    // a preconditioned z is long: over its whole length losses are not straight
    const distance = solver.preconditioner === 'adam' ? 1e-4 / normOf(z) : 1e-4;
    const [above, below] = [distance, -distance].map((h) => along(at, z, h));
    const a = outer.map((ids) => (lossOf(logProbabilities(above, ids), ids) - lossOf(logProbabilities(below, ids), ids)) / (2 * distance));
    const p = exact(scores);
    const abar = sum(a.map((value, i) => p[i] * value));
    const coefficients = a.map((value, i) => (kind === 'raw' ? -value / a.length : (-p[i] * (value - abar)) / tau));
    const hypergradient = gradient64((weights) => sum(outer.map((ids, i) => coefficients[i] * scoreOf(weights, ids))), score.weights());
    const { hypergradientClip } = section.score;
    const clipped = map(hypergradient, (g) => (normOf({ g }) > hypergradientClip ? g.map((x) => x / normOf({ g })) : g));
    score.step(clipped);
    const max = Math.max(...scores);
    before = { max, sum: sum(scores.map((s) => Math.exp(s - max))), z: solution.z };
    return { inner, proxy: at, upperLoss: F(at), scores, solution, z, a, hypergradient, clipped, score: score.weights() };
  });
}

const along = (weights: Inputs, direction: Inputs, distance: number): Inputs => map(weights, (x, name) => x.map((value, i) => value + distance * direction[name][i]));

function softmax(values: readonly number[]): number[] {
  const powers = values.map(Math.exp);
  return powers.map((p) => p / sum(powers));
}

function adamw(initial: Inputs, { beta1, beta2, epsilon, weightDecay }: BilevelConfig['proxy']['adam'], learningRate: number): { weights(): Inputs; /** û, corrected */ secondMoment(): Inputs; step(gradient: Inputs): void } {
  let weights = initial;
  let m = map(initial, (x) => x.map(() => 0));
  let u = m;
  let k = 0;
  return {
    weights: () => weights,
    secondMoment: () => map(u, (x) => x.map((value) => value / (1 - beta2 ** k))),
    step: (gradient) => {
      k++;
      m = map(m, (x, name) => x.map((value, i) => beta1 * value + (1 - beta1) * gradient[name][i]));
      u = map(u, (x, name) => x.map((value, i) => beta2 * value + (1 - beta2) * gradient[name][i] ** 2));
      weights = map(weights, (x, name) =>
        x.map((value, i) => value * (1 - learningRate * weightDecay) - ((learningRate / (1 - beta1 ** k)) * m[name][i]) / (Math.sqrt(u[name][i]) / Math.sqrt(1 - beta2 ** k) + epsilon)),
      );
    },
  };
}
