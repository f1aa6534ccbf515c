import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';

/** far below any attention score, so that its exponential is exactly 0 in float32, and no infinity that could become NaN */
export const HIDDEN = -1e9;

/** 0 where the key j may be seen by the query i ≥ j, `HIDDEN` below the diagonal. @returns [1, 1, T, T], keys × queries */
export function causalMask(length: number): Tensor {
  const mask = new Float32Array(length * length);
  for (let key = 0; key < length; key++) mask.fill(HIDDEN, key * length, key * length + key);
  return tf.tensor4d(mask, [1, 1, length, length]);
}
