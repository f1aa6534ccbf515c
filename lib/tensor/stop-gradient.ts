import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from './tf.js';

/**
 * x as a constant: the same value under a new tensor that no tape knows, so differentiation neither passes through it nor
 * walks what lies before it (a `customGrad` of zeros would). Works under every backend; nothing is copied.
 * @param x any shape, any dtype
 */
export function stopGradient<T extends Tensor>(x: T): T {
  const engine = tf.engine();
  const { backend } = engine;
  backend.incRef(x.dataId); // the value lives as long as either tensor
  return engine.makeTensorFromDataId(x.dataId, x.shape, x.dtype, backend) as T; // same shape and dtype, hence the same type
}
