import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { TokenIds } from '../models/index.js';
import { adamw, clipPerTensor, cosine, globalNorm, quotientOrZero, type BiasCorrections, type Moments } from '../optim/index.js';
import { valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { alignment } from './alignment.js';
import { gaussNewtonProduct, hessianProduct } from './curvature-product.js';
import { hypergradient } from './hypergradient.js';
import { targetStates, type LowerLossInput } from './lower-loss.js';
import { preconditioner, type ProxySecondMoment } from './preconditioner.js';
import { normaliserOf, rowScores, sampleWeights } from './sample-weights.js';
import type { BilevelModels, BilevelSettings, Normaliser } from './types.js';
import { upperLoss, withinLongest } from './upper-loss.js';
import { startOfZ, zSolvers, type Solution } from './z-solvers/index.js';

export interface OuterStepInput {
  readonly models: BilevelModels;
  readonly settings: BilevelSettings;
  /** θ_p after the K inner steps; constant here */
  readonly proxy: NamedTensors;
  /** θ_s */
  readonly score: NamedTensors;
  readonly scoreMoments: Moments;
  /** read only with `solver.preconditioner: adam` */
  readonly proxySecondMoment?: ProxySecondMoment;
  /** θ_r, frozen */
  readonly target: NamedTensors;
  /** of the outer step before, for `zCosine` and a warm start; zeros before the first */
  readonly z: NamedTensors;
  readonly normaliser: Normaliser;
  /** int32 [m, T] */
  readonly validationIds: TokenIds;
  /** float32 [m, T]: 1 where the token at this position is a target */
  readonly validationMask: Tensor;
  /** int32 [n, T], the outer minibatch ξ' */
  readonly ids: TokenIds;
  /** φ of its rows, float32 [n, K]; of a score model with features only */
  readonly features?: Tensor | undefined;
  /** float32 scalar */
  readonly learningRate: Tensor;
  readonly corrections: BiasCorrections;
  /** float32 scalar: 1 in the first outer step of a round, else 0 */
  readonly first: Tensor;
}

export interface OuterStepOutput {
  /** θ_s after */
  readonly score: NamedTensors;
  readonly moments: Moments;
  readonly z: NamedTensors;
  /** of this minibatch, from the scores before the update */
  readonly normaliser: Normaliser;
  /** F at θ_p, a scalar */
  readonly upperLoss: Tensor;
  /** ∇_p F */
  readonly upperGradient: NamedTensors;
  /** what rows are weighed by (s_i, or f_i with weights of `logits`) before the update, P_i of the lower loss, a_i = ⟨∇L_i, z⟩, c_i: [n] */
  readonly scores: Tensor;
  readonly weights: Tensor;
  readonly alignment: Tensor;
  readonly coefficients: Tensor;
  readonly meanAlignment: Tensor;
  readonly solution: Solution;
  /** ∇Φ unclipped, and clipped tensor by tensor */
  readonly hypergradient: NamedTensors;
  readonly clippedHypergradient: NamedTensors;
  readonly hypergradientNorm: Tensor;
  readonly zNorm: Tensor;
  /** cosine of z and the z of the outer step before; 0 in the first */
  readonly zCosine: Tensor;
  readonly residualNorm: Tensor;
  /** `residualNorm` over ‖v‖; 0 where v is */
  readonly relativeResidual: Tensor;
  readonly negativeCurvature: Tensor;
}

/**
 * One update of θ_s, everything at the new θ_p and the old θ_s: v = ∇F, then z ≈ (H + δI)⁻¹ v on the outer minibatch, then a_i and
 * the hypergradient, clipped tensor by tensor, into AdamW.  @see method §3, §4 steps 2b–2d
 */
export function outerStep(input: OuterStepInput): OuterStepOutput {
  const { models, settings, proxy, score, scoreMoments, ids, learningRate, corrections, first } = input;
  const { validationIds, validationMask } = input;
  // made out here: what a differentiation makes is gone before its backward pass computes blocks again
  const seen = settings.causalProxy ? {} : { seen: withinLongest(validationMask) };
  const { value: upper, gradients: upperGradient } = valueAndGradients(
    (params) => upperLoss({ proxy: models.proxy, params, validationIds, validationMask, causalProxy: settings.causalProxy, ...seen }),
    proxy,
  );

  const scoresOf = (params: NamedTensors): Tensor => rowScores({ model: models.score, params, ids, features: input.features, weights: settings.weights });
  const scores = scoresOf(score);
  const weights = sampleWeights({ scores, normaliser: input.normaliser, first, settings });
  const solution = solve(input, weights, upperGradient);
  const { z } = solution;

  const aligned = alignment({ proxy: models.proxy, params: proxy, ids, causalProxy: settings.causalProxy, z });
  const outcome = hypergradient({ scoresOf, scoreParams: score, scores, alignment: aligned, weights: settings.weights, temperature: settings.temperature });
  const { clipped } = clipPerTensor(outcome.hypergradient, settings.score.hypergradientClip);
  const updated = adamw({ params: score, gradients: clipped, moments: scoreMoments, learningRate, corrections, settings: settings.score.adam });

  return {
    score: updated.params,
    moments: updated.moments,
    z,
    normaliser: normaliserOf(scores),
    upperLoss: upper,
    upperGradient,
    scores,
    weights,
    alignment: aligned,
    ...outcome,
    solution,
    clippedHypergradient: clipped,
    hypergradientNorm: globalNorm(outcome.hypergradient),
    zNorm: globalNorm(z),
    zCosine: cosine(z, input.z),
    residualNorm: solution.residualNorm,
    relativeResidual: quotientOrZero(solution.residualNorm, globalNorm(upperGradient)),
    negativeCurvature: solution.negativeCurvature,
  };
}

function solve({ models, settings, proxy, target, ids, z, first, proxySecondMoment }: OuterStepInput, weights: Tensor, gradient: NamedTensors): Solution {
  const { solver } = settings;
  const lower: LowerLossInput = {
    proxy: models.proxy,
    params: proxy,
    batch: { ids, weights, target: targetStates({ target: models.target, params: target, ids }) },
    settings,
  };
  const curvature = solver.curvature === 'gauss-newton' ? gaussNewtonProduct(lower) : hessianProduct(lower);
  const start = startOfZ({ start: solver.start, params: proxy, previous: z, first });
  if (solver.preconditioner !== 'adam') return zSolvers[solver.method].solve({ curvature, gradient, start, settings: solver });
  if (proxySecondMoment === undefined) throw new RangeError('a preconditioner of AdamW needs the second moment of the proxy');
  return zSolvers[solver.method].solve({ curvature, gradient, start, settings: solver, preconditioner: preconditioner(proxySecondMoment, solver) });
}
