import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';

/**
 * W x + b, features × positions.
 *
 * With positions in the columns the checkpoint's layout [out, in] serves as it is, and no product transposes a large operand: W x and
 * the gradient of W, dy xᵀ, read both operands along their rows. With positions in the rows the gradient of W was dyᵀ x, which XLA's
 * products on a CPU pack at less than half the speed (1,024 × 128 by 512: 82 against 180 GFLOP/s).  @see docs/performance.md
 * @param x [in, positions] @param weight [out, in] @param bias [out] @returns [out, positions]
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const product = tf.matMul(weight, x);
  return bias === undefined ? product : tf.add(product, tf.reshape(bias, [-1, 1]));
}
