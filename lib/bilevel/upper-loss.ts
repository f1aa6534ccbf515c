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
  /** of `withinLongest`, for a proxy that is not causal; all positions by default */
  readonly seen?: Tensor;
  /** counted tokens that the sum is divided by, a scalar: those of the whole minibatch, where these are a part of its rows. @default those of these rows */
  readonly count?: Tensor;
}

/** F: one pooled mean of the cross-entropy over the target tokens of the whole minibatch, a scalar.  @see method §2 */
export function upperLoss({ proxy, params, validationIds, validationMask, causalProxy, seen, count }: UpperLossInput): Tensor {
  const losses = nextTokenLosses({ model: proxy, params, ids: validationIds, causal: causalProxy, ...(seen === undefined ? {} : { seen }) });
  const [m, predictions]: number[] = losses.shape;
  // row t of the losses is about token t + 1
  const counted = tf.slice(validationMask, [0, 1], [m, predictions]);
  const sum = tf.sum(tf.mul(losses, counted));
  return tf.div(sum, count ?? tf.sum(counted));
}

/**
 * The positions up to the last target of the minibatch, where its longest example ends. The release pads to there, and its proxy, which is
 * not causal, sees that padding; rows of a compiled step are all of T, and what is beyond would be seen too.
 * @param validationMask float32 [m, T] @returns float32 [T], 1 or 0  @see method §6.1
 */
export function withinLongest(validationMask: Tensor): Tensor {
  const [, length]: number[] = validationMask.shape;
  const positions = tf.tensor1d(Float32Array.from({ length }, (_, t) => t));
  const last = tf.max(tf.mul(validationMask, positions));
  return tf.cast(tf.greater(tf.add(last, 0.5), positions), 'float32');
}
