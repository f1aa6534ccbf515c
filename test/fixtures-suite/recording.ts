import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ModelConfig } from '../../config/sections/models.js';
import type { BilevelModels, BilevelSettings } from '../../lib/bilevel/index.js';
import { createModel, createScoreModel, readSafetensors } from '../../lib/models/index.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';
import { inFixtures } from './folder.js';

/** reductions of a tensor, and its first values, row-major */
export interface TensorRecord {
  readonly shape: readonly number[];
  readonly norm: number;
  readonly sum: number;
  readonly sumsq: number;
  readonly first: readonly number[];
  readonly values?: readonly number[];
}
export type Records = Readonly<Record<string, TensorRecord>>;

export interface LowerRecord {
  readonly scores: readonly number[];
  readonly weights: readonly number[];
  readonly weightsSum: number;
  readonly perSampleLoss: readonly number[];
  readonly weightedCE: number;
  readonly kl: number;
  readonly sumOfSquares: number;
  readonly G: number;
  readonly batch: number;
}

export interface HyperRecord {
  readonly a: readonly number[];
  readonly aBar: number;
  readonly coefficients: readonly number[];
  readonly hypergradient: Records;
  readonly clipped: Records;
}

export interface StepRecord {
  readonly batches: { readonly inner: readonly number[]; readonly outer: number; readonly val: number };
  readonly lrProxy: number;
  readonly lrScore: number;
  readonly inner: readonly (LowerRecord & { readonly gradGlobalNorm: number; readonly clipCoefficient: number; readonly grad: Records; readonly proxyAfter: Records })[];
  readonly val: { readonly inputIds: readonly number[][]; readonly labels: readonly number[][]; readonly countedTokens: number; readonly F: number; readonly gradF: Records; readonly gradFGlobalNorm: number };
  readonly outerLower: LowerRecord & { readonly gradG: Records };
  readonly z: { readonly init: Records; readonly loops: readonly { readonly residualNormBeforeClip: Readonly<Record<string, number>>; readonly z: Records }[] };
  readonly hyper: HyperRecord & { readonly scores: readonly number[]; readonly weights: readonly number[]; readonly perSampleLoss: readonly number[]; readonly aFromInitOfZ: readonly number[] };
  readonly scoreAfter: Records;
  readonly normaliserAfter?: { readonly max: number; readonly sum: number };
}

export interface Exact {
  readonly cg: HyperRecord & {
    readonly delta: number;
    readonly iterations: number;
    readonly iterates: readonly { readonly iteration: number; readonly relativeResidual: number; readonly zNorm: number; readonly z: Records }[];
    readonly z: Records;
    readonly zGlobalNorm: number;
  };
  readonly neumann: { readonly delta: number; readonly eta: number; readonly results: readonly { readonly terms: number; readonly relativeResidual: number; readonly zNorm: number; readonly z: Records }[] };
  readonly publishedDamping: { readonly delta: number; readonly plainCGMeetsNegativeCurvature: { readonly iteration: number } | null };
  readonly solveAtPublishedDamping?: HyperRecord & { readonly delta: number; readonly z: Records; readonly zGlobalNorm: number };
}

export interface Recording {
  readonly mode: 'ours' | 'release';
  readonly model: { readonly layers: number; readonly width: number; readonly heads: number; readonly vocab: number; readonly rotaryDims: number; readonly layerNormEps: number; readonly proxyCausal: boolean };
  readonly hyper: Readonly<Record<'gamma' | 'lambda' | 'delta' | 'lrProxy' | 'lrScore' | 'beta1' | 'beta2' | 'adamEps' | 'weightDecay' | 'gradClip' | 'zLoops' | 'lrZ' | 'innerSteps' | 'scheduleTotalSteps' | 'scheduleWarmupSteps', number>> & { readonly klDirection: string };
  readonly normaliser: 'fresh' | 'stale';
  readonly trainBatches: readonly number[][][];
  readonly steps: Readonly<Record<'float32' | 'float64', readonly StepRecord[] | undefined>>;
  readonly exactAtStep0?: Exact;
}

export interface Weights {
  readonly proxy: NamedTensors;
  readonly target: NamedTensors;
  readonly score: NamedTensors;
}

/** Weights of a recording; the caller disposes of them with its process. */
export async function weightsOf(folder: string): Promise<Weights> {
  const own = path.join(folder, 'proxy.safetensors');
  const proxy = await tensorsOf(existsSync(own) ? own : inFixtures('tiny-neox', 'model.safetensors'));
  const target = await tensorsOf(path.join(folder, 'target.safetensors'));
  const head = await tensorsOf(path.join(folder, 'score-head.safetensors'));
  const { 'embed_out.weight': _, ...backbone } = proxy;
  return { proxy, target, score: { ...backbone, ...head } };
}

export async function tensorsOf(file: string): Promise<NamedTensors> {
  const { arrays, shapes } = await readSafetensors(file);
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tf.tensor(array, [...shapes[name]], 'float32')]));
}

export function modelsOf({ model }: Recording): BilevelModels {
  const config: ModelConfig = {
    architecture: 'gpt-neox',
    layers: model.layers,
    width: model.width,
    heads: model.heads,
    rotaryFraction: model.rotaryDims / (model.width / model.heads),
    rotaryBase: 10_000,
    layerNormEpsilon: model.layerNormEps,
    initStandardDeviation: 0.02,
  };
  const proxy = createModel(config);
  return { proxy, target: proxy, score: createScoreModel(proxy) };
}

export function settingsOf({ hyper, model, normaliser }: Recording): BilevelSettings {
  const adam = { beta1: hyper.beta1, beta2: hyper.beta2, epsilon: hyper.adamEps, weightDecay: hyper.weightDecay };
  return {
    klWeight: hyper.gamma,
    klDirection: hyper.klDirection.replaceAll(' ', '').startsWith('KL(target') ? 'target-proxy' : 'proxy-target',
    l2Weight: hyper.lambda,
    weights: 'softmax',
    normaliser,
    causalProxy: model.proxyCausal,
    referenceDevices: 1,
    solver: { method: 'gd', steps: hyper.zLoops, learningRate: hyper.lrZ, damping: hyper.delta, residualClip: hyper.gradClip, tolerance: 0, start: 'release', curvature: 'hessian' },
    proxy: { peakLearningRate: hyper.lrProxy, adam, gradientClip: hyper.gradClip },
    score: { peakLearningRate: hyper.lrScore, adam, hypergradientClip: hyper.gradClip, inherit: true },
  };
}
