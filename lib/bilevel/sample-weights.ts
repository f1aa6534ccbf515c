import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';
import type { BilevelSettings, Normaliser } from './types.js';

export interface SampleWeightsInput {
  /** s_i, [n] */
  readonly scores: Tensor;
  /** of the outer step before; read only where settings.normaliser is `stale` */
  readonly normaliser: Normaliser;
  /** float32 scalar: 1 in the first outer step of a round, which has no step before it, else 0 */
  readonly first: Tensor;
  readonly settings: Pick<BilevelSettings, 'weights' | 'normaliser'>;
}

/**
 * P_i of the lower loss, [n]:
 *
 *     fresh    exp(s_i) / Σ_j exp(s_j)
 *     stale    exp(s_i − m) / S, with m and S of the outer step before; fresh in the first
 *     raw      s_i / n
 *
 * Stale weights do not sum to 1.  @see method §3
 */
export function sampleWeights({ scores, normaliser, first, settings }: SampleWeightsInput): Tensor {
  const fresh = exactWeights({ scores, weights: settings.weights });
  if (settings.weights === 'raw' || settings.normaliser === 'fresh') return fresh;
  const isFirst = tf.greater(first, 0);
  // where nothing came before, a harmless 0 and 1 stand in, so that the branch not taken cannot be NaN
  const max = tf.where(isFirst, tf.zerosLike(normaliser.max), normaliser.max);
  const sum = tf.where(isFirst, tf.onesLike(normaliser.sum), normaliser.sum);
  const stale = tf.div(tf.exp(tf.sub(scores, max)), sum);
  return tf.add(tf.mul(first, fresh), tf.mul(tf.sub(1, first), stale));
}

/** The weights as the hypergradient sees them: of this minibatch alone. @returns [n] */
export function exactWeights({ scores, weights }: { readonly scores: Tensor; readonly weights: BilevelSettings['weights'] }): Tensor {
  return weights === 'raw' ? tf.div(scores, scores.size) : tf.softmax(scores);
}

/** What the next outer step will weigh with. */
export function normaliserOf(scores: Tensor): Normaliser {
  const max = tf.max(scores);
  return { max, sum: tf.sum(tf.exp(tf.sub(scores, max))) };
}
