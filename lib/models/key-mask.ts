import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';
import { HIDDEN } from './causal-mask.js';

/** 0 where the key may be seen, by every query, `HIDDEN` where not. @param seen float32 [T], 1 or 0 @returns [1, 1, T, T], keys × queries */
export function keyMask(seen: Tensor): Tensor {
  const length = seen.size;
  return tf.mul(tf.reshape(tf.mul(tf.sub(1, seen), HIDDEN), [1, 1, length, 1]), tf.ones([1, 1, 1, length]));
}
