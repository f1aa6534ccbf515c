import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { innerProduct, tf, type NamedTensors } from '../tensor/index.js';

/** A set of named tensors as one long vector. Sums run in the order of the names, so that they are the same everywhere. */

export type TensorMap = (tensor: Tensor, name: string) => Tensor;

export function mapNamed(vector: NamedTensors, f: TensorMap): NamedTensors {
  return Object.fromEntries(Object.entries(vector).map(([name, tensor]) => [name, f(tensor, name)]));
}

/** a + b */
export function addNamed(a: NamedTensors, b: NamedTensors): NamedTensors {
  return mapNamed(a, (x, name) => tf.add(x, b[name]));
}

/** a − b */
export function subtractNamed(a: NamedTensors, b: NamedTensors): NamedTensors {
  return mapNamed(a, (x, name) => tf.sub(x, b[name]));
}

/** factor · a */
export function scaleNamed(a: NamedTensors, factor: Tensor | number): NamedTensors {
  return mapNamed(a, (x) => tf.mul(x, factor));
}

/** Σ a², over all elements of all tensors; a scalar */
export function sumOfSquares(a: NamedTensors): Tensor {
  return innerProduct(a, a);
}

/** ‖a‖ over all tensors; a scalar */
export function globalNorm(a: NamedTensors): Tensor {
  return tf.sqrt(sumOfSquares(a));
}

/** ⟨a, b⟩ / (‖a‖ ‖b‖) in [−1, 1], and 0 where one of them is zero; a scalar */
export function cosine(a: NamedTensors, b: NamedTensors): Tensor {
  // one norm after the other: their product may leave float32's range where neither does
  const quotient = quotientOrZero(quotientOrZero(innerProduct(a, b), globalNorm(a)), globalNorm(b));
  return tf.maximum(-1, tf.minimum(1, quotient));
}

/** a / b, and 0 where b is 0, of scalars */
export function quotientOrZero(a: Tensor, b: Tensor): Tensor {
  const isZero = tf.equal(b, 0);
  // a harmless 1 divides there, so that the branch not taken cannot be NaN
  return tf.where(isZero, tf.zerosLike(a), tf.div(a, tf.where(isZero, tf.onesLike(b), b)));
}
