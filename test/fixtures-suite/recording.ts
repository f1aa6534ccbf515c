import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ModelConfig } from '../../config/sections/models.js';
import type { BilevelModels, BilevelSettings } from '../../lib/bilevel/index.js';
import { createModel, createScoreModel, readSafetensors, type ModelOptions, type Safetensors } from '../../lib/models/index.js';

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
  /** what the outer step before left, null before the first; of a stale recording */
  readonly normaliser?: { readonly max: number | null; readonly sum: number | null } | null;
  readonly inner: readonly (LowerRecord & { readonly gradGlobalNorm: number; readonly clipCoefficient: number; readonly grad: Records; readonly proxyAfter: Records })[];
  readonly val: { readonly inputIds: readonly number[][]; readonly labels: readonly number[][]; readonly countedTokens: number; readonly F: number; readonly gradF: Records; readonly gradFGlobalNorm: number };
  readonly outerLower: LowerRecord & { readonly gradG: Records };
  readonly z: { readonly init: Records; readonly loops: readonly { readonly residualNormBeforeClip: Readonly<Record<string, number>>; readonly z: Records }[] };
  readonly hyper: HyperRecord & { readonly scores: readonly number[]; readonly weights: readonly number[]; readonly perSampleLoss: readonly number[]; readonly aFromInitOfZ: readonly number[] };
  readonly scoreAfter: Records;
  readonly normaliserAfter?: { readonly max: number; readonly sum: number };
}

/** what of it a recording holds */
export interface Exact {
  /** of G on the outer batch, undamped */
  readonly hessian?: { readonly smallestEigenvalue: number; readonly largestEigenvalue: number };
  readonly cg?: HyperRecord & {
    readonly delta: number;
    readonly iterations: number;
    readonly iterates: readonly { readonly iteration: number; readonly relativeResidual: number; readonly zNorm: number; readonly z: Records }[];
    readonly z: Records;
    readonly zGlobalNorm: number;
  };
  readonly neumann?: { readonly delta: number; readonly eta: number; readonly results: readonly { readonly terms: number; readonly relativeResidual: number; readonly zNorm: number; readonly z: Records }[] };
  readonly publishedDamping?: { readonly delta: number; readonly plainCGMeetsNegativeCurvature: { readonly iteration: number; readonly pAp: number; readonly pp: number } | null };
  readonly solveAtPublishedDamping?: HyperRecord & { readonly delta: number; readonly z: Records; readonly zGlobalNorm: number };
}

export interface Recording {
  readonly mode: 'ours' | 'release';
  readonly model: { readonly layers: number; readonly width: number; readonly heads: number; readonly vocab: number; readonly rotaryDims: number; readonly layerNormEps: number; readonly proxyCausal: boolean };
  readonly hyper: Readonly<Record<'gamma' | 'lambda' | 'delta' | 'lrProxy' | 'lrScore' | 'beta1' | 'beta2' | 'adamEps' | 'weightDecay' | 'gradClip' | 'gradClipEps' | 'zLoops' | 'lrZ' | 'innerSteps' | 'scheduleTotalSteps' | 'scheduleWarmupSteps', number>> & { readonly klDirection: string };
  readonly normaliser: 'fresh' | 'stale';
  readonly trainBatches: readonly number[][][];
  readonly steps: Readonly<Record<'float32' | 'float64', readonly StepRecord[] | undefined>>;
  readonly exactAtStep0?: Exact;
}

type Stored = Pick<Safetensors, 'arrays' | 'shapes'>;
export interface Weights {
  readonly proxy: Stored;
  readonly target: Stored;
  readonly score: Stored;
}

export interface WeightFolders {
  /** the recording's */
  readonly folder: string;
  /** outer-step/ */
  readonly shared: string;
  /** tiny-neox/ */
  readonly tiny: string;
}

/** A recording's own weights where its folder holds them, else those of outer-step/; the proxy's, else tiny-neox. */
export function weightFiles({ folder, shared, tiny }: WeightFolders): Readonly<Record<'proxy' | 'target' | 'head', string | undefined>> {
  const first = (...files: string[]): string | undefined => files.find((file) => existsSync(file));
  return {
    proxy: first(path.join(folder, 'proxy.safetensors'), path.join(tiny, 'model.safetensors')),
    target: first(path.join(folder, 'target.safetensors'), path.join(shared, 'target.safetensors')),
    head: first(path.join(folder, 'score-head.safetensors'), path.join(shared, 'score-head.safetensors')),
  };
}

export async function weightsOf(folders: WeightFolders): Promise<Weights> {
  const files = weightFiles(folders);
  const read = async (what: keyof typeof files): Promise<Stored> => {
    const file = files[what];
    if (file === undefined) throw new TypeError(`no weights of the ${what} for ${folders.folder}`);
    return readSafetensors(file);
  };
  const [proxy, target, head] = [await read('proxy'), await read('target'), await read('head')];
  const backbone = <T>(named: Readonly<Record<string, T>>): Record<string, T> => Object.fromEntries(Object.entries(named).filter(([name]) => name !== 'embed_out.weight'));
  return { proxy, target, score: { arrays: { ...backbone(proxy.arrays), ...head.arrays }, shapes: { ...backbone(proxy.shapes), ...head.shapes } } };
}

export function modelsOf({ model }: Recording, options: ModelOptions = {}): BilevelModels {
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
  const proxy = createModel(config, options);
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
