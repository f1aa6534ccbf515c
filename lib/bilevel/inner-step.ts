import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { TokenIds } from '../models/index.js';
import { adamw, clipGlobal, type BiasCorrections, type Moments } from '../optim/index.js';
import { valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { lowerLoss, targetStates } from './lower-loss.js';
import { rowScores, sampleWeights } from './sample-weights.js';
import type { BilevelModels, BilevelSettings, Normaliser } from './types.js';

export interface InnerStepInput {
  readonly models: BilevelModels;
  readonly settings: BilevelSettings;
  /** θ_p */
  readonly proxy: NamedTensors;
  readonly proxyMoments: Moments;
  /** θ_s, constant here */
  readonly score: NamedTensors;
  /** θ_r, frozen */
  readonly target: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** φ of its rows, float32 [n, K]; of a score model with features only */
  readonly features?: Tensor | undefined;
  /** float32 scalar */
  readonly learningRate: Tensor;
  readonly corrections: BiasCorrections;
  readonly normaliser: Normaliser;
  /** float32 scalar: 1 in the first outer step of a round, else 0 */
  readonly first: Tensor;
}

export interface InnerStepOutput {
  /** θ_p after */
  readonly proxy: NamedTensors;
  readonly moments: Moments;
  /** G before the update, and its parts; scalars */
  readonly lowerLoss: Tensor;
  readonly weightedCrossEntropy: Tensor;
  readonly kl: Tensor;
  readonly sumOfSquares: Tensor;
  /** L_i, what rows are weighed by (s_i, or f_i with weights of `logits`), P_i: [n] */
  readonly perSampleLoss: Tensor;
  readonly scores: Tensor;
  readonly weights: Tensor;
  /** ∇G, unclipped, and its global norm */
  readonly gradient: NamedTensors;
  readonly gradientNorm: Tensor;
}

/** One AdamW step of θ_p on G, its gradient clipped to a global norm.  @see method §4, step 2a */
export function innerStep(input: InnerStepInput): InnerStepOutput {
  const { models, settings, proxy, proxyMoments, score, target, ids, learningRate, corrections, normaliser, first } = input;
  const scores = rowScores({ model: models.score, params: score, ids, features: input.features, weights: settings.weights });
  const weights = sampleWeights({ scores, normaliser, first, settings });
  const batch = { ids, weights, target: targetStates({ target: models.target, params: target, ids }) };
  const loss = (params: NamedTensors): ReturnType<typeof lowerLoss> => lowerLoss({ proxy: models.proxy, params, batch, settings });

  const { gradients } = valueAndGradients((params) => loss(params).loss, proxy);
  const { clipped, norm } = clipGlobal(gradients, settings.proxy.gradientClip);
  const updated = adamw({ params: proxy, gradients: clipped, moments: proxyMoments, learningRate, corrections, settings: settings.proxy.adam });
  // the same nodes as in the gradient's forward pass when traced: nothing is computed twice
  const { loss: value, ...parts } = loss(proxy);
  return { proxy: updated.params, moments: updated.moments, lowerLoss: value, ...parts, scores, weights, gradient: gradients, gradientNorm: norm };
}
