import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';

/** x Wᵀ + b. @param x [rows, in] @param weight [out, in], the checkpoint's layout @param bias [out] @returns [rows, out] */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = tf.matMul(x, weight, false, true);
  return bias === undefined ? product : tf.add(product, bias);
}
