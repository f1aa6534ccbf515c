import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { exactWeights, perTemperature, type Weighing } from './sample-weights.js';

export interface HypergradientInput extends Weighing {
  /** θ_s ↦ what rows are weighed by: s, or f with weights of `logits`; [n] */
  readonly scoresOf: (params: NamedTensors) => Tensor;
  readonly scoreParams: NamedTensors;
  /** the same at θ_s, [n] */
  readonly scores: Tensor;
  /** a_i = ⟨∇L_i, z⟩, [n] */
  readonly alignment: Tensor;
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
 * with the exact softmax whatever weighs the inner loss. Weights of `logits` give ∇Φ = Σ_i c_i ∇f_i with the 1/τ of their
 * temperature in c_i, weights s_i/n (`raw`) c_i = −a_i/n. One backward pass. The 1/N of `referenceDevices` is left out: a constant
 * factor that AdamW undoes.  @see method §3
 */
export function hypergradient({ scoresOf, scoreParams, ...of }: HypergradientInput): Hypergradient {
  const { coefficients, meanAlignment } = hypergradientCoefficients(of);
  const { gradients } = valueAndGradients(scoresOf, scoreParams, coefficients);
  return { hypergradient: gradients, coefficients, meanAlignment };
}

/** c_i and ā, of the whole minibatch. */
export function hypergradientCoefficients({ scores, alignment, ...weighing }: Omit<HypergradientInput, 'scoresOf' | 'scoreParams'>): Omit<Hypergradient, 'hypergradient'> {
  const p = exactWeights({ scores, ...weighing });
  const meanAlignment = tf.sum(tf.mul(p, alignment));
  const coefficients = weighing.weights === 'raw' ? tf.div(alignment, -alignment.size) : perTemperature(tf.neg(tf.mul(p, tf.sub(alignment, meanAlignment))), weighing);
  return { coefficients, meanAlignment };
}
