import type { GradSaveFunc, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { stopGradient } from './stop-gradient.js';
import { tf } from './tf.js';

/**
 * Composite ops that can be differentiated twice, under the tracer and eagerly.  @see tensor-runtime §2
 */

/** Rows of a table. @param table [V, d] @param ids int32, any shape, 0 ≤ id < V @returns [...ids.shape, d] */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return indexed(table, ids, (w) => tf.gather(w, ids), (dy, saved) => scatterRows(dy, saved, table.shape[0]));
}

/** Adds row i of `rows` to row ids[i] of a table of zeros: the transpose of `embedding`. @returns [V, d] */
function scatterRows(rows: Tensor, ids: Tensor, vocabularySize: number): Tensor {
  // tfjs types segment ids as rank 1 and takes any rank
  return indexed(rows, ids, (x) => tf.unsortedSegmentSum(x, ids as Tensor1D, vocabularySize), embedding);
}

/** A linear op of x under a gradient of our own, which sees the indices as tfjs has saved them: eagerly, ids made in a step are gone by then. */
function indexed(x: Tensor, ids: Tensor, value: (x: Tensor) => Tensor, gradient: (dy: Tensor, ids: Tensor) => Tensor): Tensor {
  // tfjs hands over the arguments of the call, then its `save`
  return tf.customGrad((input, save) => {
    (save as GradSaveFunc)([ids]);
    return { value: value(input as Tensor), gradFunc: (dy: Tensor, [saved]: Tensor[]) => gradient(dy, saved) };
  })(x);
}

/** log Σ exp over one axis, which goes. @param axis of x */
export function logSumExp(x: Tensor, axis = -1): Tensor {
  const max = stopGradient(tf.max(x, axis, true));
  const sum = tf.log(tf.sum(tf.exp(tf.sub(x, max)), axis));
  return tf.add(sum, tf.reshape(max, sum.shape));
}

/** x − logSumExp(x), the same shape. @param axis of x */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const shifted = tf.sub(x, stopGradient(tf.max(x, axis, true)));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axis, true)));
}

/** exp(x) / Σ exp(x), the same shape: tfjs' own knows the last axis only. @param axis of x */
export function softmaxAlong(x: Tensor, axis: number): Tensor {
  const weighted = (z: Tensor): Tensor => {
    const powers = tf.exp(tf.sub(z, stopGradient(tf.max(z, axis, true))));
    return tf.div(powers, tf.sum(powers, axis, true));
  };
  // the gradient of the formula above, term by term, is longer than that of the whole
  return tf.customGrad((input, save) => {
    (save as GradSaveFunc)([input as Tensor]);
    return {
      value: weighted(input as Tensor),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) => {
        const y = softmaxAlong(saved, axis);
        const product = tf.mul(dy, y);
        return tf.sub(product, tf.mul(y, tf.sum(product, axis, true)));
      },
    };
  })(x);
}

/** exact GELU, x·Φ(x), by erf */
export function gelu(x: Tensor): Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** x·sigmoid(x) */
export function silu(x: Tensor): Tensor {
  return tf.mul(x, tf.sigmoid(x));
}

/**
 * (x − mean) / √(variance + ε) · gain + bias over one axis.
 * @param gain, bias as long as that axis @param axis of x; −1 is the last
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: number, axis = -1): Tensor {
  const centred = tf.sub(x, tf.mean(x, axis, true));
  const variance = tf.mean(tf.square(centred), axis, true);
  const along = x.shape.map((_, i) => (i === (axis + x.rank) % x.rank ? gain.size : 1));
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), tf.reshape(gain, along)), tf.reshape(bias, along));
}

/** x / √(mean x² + ε) · gain over one axis. @param gain as long as that axis @param axis of x; −1 is the last */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon: number, axis = -1): Tensor {
  const along = x.shape.map((_, i) => (i === (axis + x.rank) % x.rank ? gain.size : 1));
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), axis, true), epsilon))), tf.reshape(gain, along));
}

/**
 * Negative log-likelihood in nats of a target a column.
 * @param logits [V, columns] @param targets int32 [columns] @returns [columns]
 */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  // XLA fuses the one-hot into the sum and never holds it. A comparison with a range would be folded into a constant of the logits' size.
  const isTarget = tf.transpose(tf.oneHot(targets, logits.shape[0], 1, 0, 'float32'));
  return tf.sub(logSumExp(logits, 0), tf.sum(tf.mul(logits, isTarget), 0));
}
