import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { perSampleLoss, type Model, type TokenIds } from '../models/index.js';
import { tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { adamw, type AdamWInput, type Moments } from './adamw.js';
import { clipGlobal } from './clip.js';

export interface LossInput {
  readonly model: Model;
  readonly params: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
}

/** Mean next-token cross-entropy of a batch in nats, a scalar, and its gradient.  @see method §5 */
export function lossAndGradients({ model, params, ids }: LossInput): { readonly loss: Tensor; readonly gradients: NamedTensors } {
  const { value, gradients } = valueAndGradients((weights) => tf.mean(perSampleLoss({ model, params: weights, ids, causal: true })), params);
  return { loss: value, gradients };
}

export interface UpdateInput extends Omit<AdamWInput, 'settings'> {
  readonly adam: AdamWInput['settings'];
  /** limit of the global gradient norm */
  readonly gradientClip: number;
}

export interface UpdateOutput {
  readonly params: NamedTensors;
  readonly moments: Moments;
  /** global norm before clipping */
  readonly gradientNorm: Tensor;
}

/** One AdamW step on a gradient clipped to a global norm.  @see method §5 */
export function update({ gradients, gradientClip, adam, ...input }: UpdateInput): UpdateOutput {
  const { clipped, norm } = clipGlobal(gradients, gradientClip);
  return { ...adamw({ ...input, gradients: clipped, settings: adam }), gradientNorm: norm };
}
