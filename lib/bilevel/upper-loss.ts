import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { nextTokenLosses, type Model, type TokenIds } from '../models/index.js';
import { tf, type NamedTensors } from '../tensor/index.js';

export interface UpperLossInput {
  readonly proxy: Model;
  readonly params: NamedTensors;
  /** int32 [m, T] */
  readonly validationIds: TokenIds;
  /** float32 [m, T]: 1 where the token at this position is a target (predicted from the one before), else 0 */
  readonly validationMask: Tensor;
  readonly causalProxy: boolean;
}

/** F: one pooled mean of the cross-entropy over the target tokens of the whole minibatch, a scalar.  @see method §2 */
export function upperLoss({ proxy, params, validationIds, validationMask, causalProxy }: UpperLossInput): Tensor {
  const losses = nextTokenLosses({ model: proxy, params, ids: validationIds, causal: causalProxy });
  const [m, predictions]: number[] = losses.shape;
  // row t of the losses is about token t + 1
  const counted = tf.slice(validationMask, [0, 1], [m, predictions]);
  return tf.div(tf.sum(tf.mul(losses, counted)), tf.sum(counted));
}
