import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { exactWeights } from './sample-weights.js';
import type { BilevelSettings } from './types.js';

export interface HypergradientInput {
  /** θ_s ↦ s, [n] */
  readonly scoresOf: (params: NamedTensors) => Tensor;
  readonly scoreParams: NamedTensors;
  /** s_i at θ_s, [n] */
  readonly scores: Tensor;
  /** a_i = ⟨∇L_i, z⟩, [n] */
  readonly alignment: Tensor;
  readonly weights: BilevelSettings['weights'];
}

export interface Hypergradient {
  /** one a tensor of θ_s, unclipped */
  readonly hypergradient: NamedTensors;
  /** c_i, [n] */
  readonly coefficients: Tensor;
  /** ā, a scalar */
  readonly meanAlignment: Tensor;
}

/**
 *     ∇Φ = −∇_s ⟨∇_p Σ P_i L_i, z⟩ = Σ_i c_i ∇s_i,   c_i = −P_i (a_i − ā),   ā = Σ P_i a_i
 *
 * with the exact softmax whatever weighs the inner loss. Weights s_i/n (`raw`) give c_i = −a_i/n. One backward pass.
 * The 1/N of `referenceDevices` is left out: a constant factor that AdamW undoes.  @see method §3
 */
export function hypergradient({ scoresOf, scoreParams, scores, alignment, weights }: HypergradientInput): Hypergradient {
  const p = exactWeights({ scores, weights });
  const meanAlignment = tf.sum(tf.mul(p, alignment));
  const coefficients = weights === 'raw' ? tf.div(alignment, -alignment.size) : tf.neg(tf.mul(p, tf.sub(alignment, meanAlignment)));
  const { gradients } = valueAndGradients(scoresOf, scoreParams, coefficients);
  return { hypergradient: gradients, coefficients, meanAlignment };
}
