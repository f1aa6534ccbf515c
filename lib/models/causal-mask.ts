import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';

/** far below any attention score, so that its exponential is exactly 0 in float32, and no infinity that could become NaN */
const HIDDEN = -1e9;

/** 0 where position i may see position j ≤ i, `HIDDEN` above the diagonal. @returns [1, 1, T, T] */
export function causalMask(length: number): Tensor {
  const mask = new Float32Array(length * length);
  for (let i = 0; i < length; i++) mask.fill(HIDDEN, i * length, i * length + i);
  return tf.tensor4d(mask, [1, 1, length, length]);
}
