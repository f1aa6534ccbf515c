import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { perSampleLoss, type Model, type TokenIds } from '../models/index.js';
import { tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { adamw, type AdamSettings, type BiasCorrections, type Moments } from './adamw.js';
import { clipGlobal } from './clip.js';

export interface TrainingStepInput {
  readonly model: Model;
  readonly params: NamedTensors;
  readonly moments: Moments;
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** float32 scalar */
  readonly learningRate: Tensor;
  readonly corrections: BiasCorrections;
  /** limit of the global gradient norm */
  readonly gradientClip: number;
  readonly adam: AdamSettings;
}

export interface TrainingStepOutput {
  readonly params: NamedTensors;
  readonly moments: Moments;
  /** mean next-token cross-entropy of the batch before the update, nats */
  readonly loss: Tensor;
  /** global norm before clipping */
  readonly gradientNorm: Tensor;
}

/** One AdamW step of a causal language model on the mean next-token cross-entropy.  @see method §5 */
export function trainingStep({ model, params, moments, ids, learningRate, corrections, gradientClip, adam }: TrainingStepInput): TrainingStepOutput {
  const loss = (weights: NamedTensors): Tensor => tf.mean(perSampleLoss({ model, params: weights, ids, causal: true }));
  const { value, gradients } = valueAndGradients(loss, params);
  const { clipped, norm } = clipGlobal(gradients, gradientClip);
  return { ...adamw({ params, gradients: clipped, moments, learningRate, corrections, settings: adam }), loss: value, gradientNorm: norm };
}
