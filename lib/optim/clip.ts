import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { sumOfAll, tf, type NamedTensors } from '../tensor/index.js';
import { globalNorm, mapNamed, scaleNamed } from './named-vectors.js';

/** keeps the quotient finite where the gradient is zero; PyTorch's value */
const GLOBAL_CLIP_EPSILON = 1e-6;

export interface Clipped {
  readonly clipped: NamedTensors;
  /** ‖g‖ before, a scalar */
  readonly norm: Tensor;
}

/** g · min(1, c / (‖g‖ + 1e-6)), ‖g‖ over all tensors.  @see method §3 */
export function clipGlobal(gradients: NamedTensors, limit: number): Clipped {
  const norm = globalNorm(gradients);
  const factor = tf.minimum(1, tf.div(limit, tf.add(norm, GLOBAL_CLIP_EPSILON)));
  return { clipped: scaleNamed(gradients, factor), norm };
}

/**
 * Each tensor by itself: g / ‖g‖ where ‖g‖ > c, else g. As in the release it comes down to norm 1, whatever c, and there is
 * no ε. All norms make one vector, since a compiler takes as long over a scalar's root as over a vector's.  @see method §3
 */
export function clipPerTensor(gradients: NamedTensors, limit: number): { readonly clipped: NamedTensors; readonly norms: NamedTensors } {
  const names = Object.keys(gradients);
  const norms = tf.sqrt(tf.stack(names.map((name) => sumOfAll(tf.square(gradients[name])))));
  const factors = tf.where(tf.greater(norms, limit), tf.div(1, tf.maximum(norms, limit)), tf.onesLike(norms));
  const factorOf = byName(names, factors);
  return { clipped: mapNamed(gradients, (g, name) => tf.mul(g, factorOf[name])), norms: byName(names, norms) };
}

/** @param vector [K] @returns its K scalars */
function byName(names: readonly string[], vector: Tensor): NamedTensors {
  const scalars = tf.unstack(vector);
  return Object.fromEntries(names.map((name, i) => [name, scalars[i]]));
}
