import type { GradSaveFunc, Tensor } from '@tensorflow/tfjs-node-gpu';
import { optimizationBarrier } from './optimization-barrier.js';
import { tf } from './tf.js';

/**
 * f(inputs), whose backward pass computes f again instead of keeping what lies within: only the inputs are held from the forward to the
 * backward pass, for the price of a second forward pass. The barriers keep the compiler from finding both passes equal, and the second
 * one from running before its gradient has come. Can be differentiated twice.
 * @param inputs everything that f depends on and that is differentiated
 * @see tensor-runtime §3
 */
export function recomputed(f: (inputs: readonly Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor {
  return tf.customGrad((...given) => {
    const save = given.pop() as GradSaveFunc; // tfjs hands it over after the arguments
    save(given as Tensor[]);
    return {
      value: f(given as Tensor[]),
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const again = saved.map((input) => optimizationBarrier(input, dy));
        return withinBackward(() => tf.engine().gradients(() => f(again), again, dy).grads);
      },
    };
  })(...inputs);
}

/** tfjs forgets its tape when an outermost differentiation ends, and takes one that begins within a backward pass for such a one. */
function withinBackward<R>(differentiate: () => R): R {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return differentiate();
  } finally {
    state.activeTape = activeTape;
  }
}
