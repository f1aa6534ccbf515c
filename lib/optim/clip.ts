import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf, type NamedTensors } from '../tensor/index.js';
import { globalNorm, mapNamed, normPerTensor, scaleNamed } from './named-vectors.js';

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
 * no ε.  @see method §3
 */
export function clipPerTensor(gradients: NamedTensors, limit: number): { readonly clipped: NamedTensors; readonly norms: NamedTensors } {
  const norms = normPerTensor(gradients);
  const clipped = mapNamed(gradients, (g, name) => {
    const norm = norms[name];
    return tf.mul(g, tf.where(tf.greater(norm, limit), tf.div(1, tf.maximum(norm, limit)), tf.onesLike(norm)));
  });
  return { clipped, norms };
}
