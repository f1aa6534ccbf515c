import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ScoreModel, TokenIds } from '../models/index.js';
import { tf, type NamedTensors } from '../tensor/index.js';
import type { BilevelSettings, Normaliser } from './types.js';

/** how rows are weighed by their scores */
export type Weighing = Pick<BilevelSettings, 'weights' | 'temperature'>;

export interface RowScoresInput {
  readonly model: ScoreModel;
  /** θ_s */
  readonly params: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** φ of the rows, [n, K]; of a score model with features only */
  readonly features?: Tensor | undefined;
  readonly weights: BilevelSettings['weights'];
}

/** What rows are weighed by: f_i with weights of `logits`, else s_i. @returns [n]  @see method §2 */
export function rowScores({ model, params, ids, features, weights }: RowScoresInput): Tensor {
  const input = { params, ids, ...(features === undefined ? {} : { features }) };
  return weights === 'logits' ? model.logits(input) : model.scores(input);
}

export interface SampleWeightsInput {
  /** of `rowScores`, [n] */
  readonly scores: Tensor;
  /** of the outer step before; read only where settings.normaliser is `stale` */
  readonly normaliser: Normaliser;
  /** float32 scalar: 1 in the first outer step of a round, which has no step before it, else 0 */
  readonly first: Tensor;
  readonly settings: Weighing & Pick<BilevelSettings, 'normaliser'>;
}

/**
 * P_i of the lower loss, [n]:
 *
 *     fresh    exp(s_i) / Σ_j exp(s_j)
 *     stale    exp(s_i − m) / S, with m and S of the outer step before; fresh in the first
 *     logits   exp(f_i/τ) / Σ_j exp(f_j/τ)
 *     raw      s_i / n
 *
 * Stale weights do not sum to 1. Those of logits are never stale: f_i − m has no bound.  @see method §2, §3
 */
export function sampleWeights({ scores, normaliser, first, settings }: SampleWeightsInput): Tensor {
  const fresh = exactWeights({ scores, ...settings });
  if (settings.weights === 'raw' || settings.normaliser === 'fresh') return fresh;
  const isFirst = tf.greater(first, 0);
  // where nothing came before, a harmless 0 and 1 stand in, so that the branch not taken cannot be NaN
  const max = tf.where(isFirst, tf.zerosLike(normaliser.max), normaliser.max);
  const sum = tf.where(isFirst, tf.onesLike(normaliser.sum), normaliser.sum);
  const stale = tf.div(tf.exp(tf.sub(scores, max)), sum);
  return tf.add(tf.mul(first, fresh), tf.mul(tf.sub(1, first), stale));
}

/** The weights as the hypergradient sees them: of this minibatch alone. @returns [n] */
export function exactWeights({ scores, ...weighing }: Weighing & { readonly scores: Tensor }): Tensor {
  if (weighing.weights === 'raw') return tf.div(scores, scores.size);
  return tf.softmax(perTemperature(scores, weighing));
}

/** x/τ, of logits only: τ is 1 for all other weights. */
export function perTemperature(x: Tensor, { weights, temperature = 1 }: Weighing): Tensor {
  return weights === 'logits' && temperature !== 1 ? tf.div(x, temperature) : x;
}

/** What the next outer step will weigh with. */
export function normaliserOf(scores: Tensor): Normaliser {
  const max = tf.max(scores);
  return { max, sum: tf.sum(tf.exp(tf.sub(scores, max))) };
}
