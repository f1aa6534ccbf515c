import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-node-gpu';
import { stopGradient } from './stop-gradient.js';
import { tf } from './tf.js';

const kernelName = 'OptimizationBarrier';

// computed op by op nothing is moved or merged: the value itself will do
tf.registerKernel({
  kernelName,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs: { x }, backend }) => {
    if (!x) throw new TypeError(`${kernelName} needs x`);
    (backend as { incRef(id: object): void }).incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  },
});
tf.registerGradient({ kernelName, gradFunc: (dy) => ({ x: () => optimizationBarrier(dy as Tensor) }) });

/**
 * The same value, which the compiler must have in full before it goes on: nothing is merged with, moved across or found equal to what
 * lies on the other side. It keeps a recomputation from being undone, and a layout from being folded into a product.
 * @param x any shape and dtype @param after must be there before x is given on: what follows is not computed earlier
 */
export function optimizationBarrier<T extends Tensor>(x: T, after?: Tensor): T {
  const inputs: NamedTensorMap = after === undefined ? { x } : { x, after: stopGradient(after) }; // its value does not matter
  return tf.engine().runKernel<T>(kernelName, inputs); // same shape and dtype, hence the same type
}
