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

/** log Σ exp over the last axis. @param x [..., n] @returns [...] */
export function logSumExp(x: Tensor): Tensor {
  const max = stopGradient(tf.max(x, -1, true));
  return tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, max)), -1)), tf.reshape(max, x.shape.slice(0, -1)));
}

/** @param x [..., n] @returns x − logSumExp(x), the same shape */
export function logSoftmax(x: Tensor): Tensor {
  const shifted = tf.sub(x, stopGradient(tf.max(x, -1, true)));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), -1, true)));
}

/** exact GELU, x·Φ(x), by erf */
export function gelu(x: Tensor): Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** x·sigmoid(x) */
export function silu(x: Tensor): Tensor {
  return tf.mul(x, tf.sigmoid(x));
}

export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: number): Tensor {
  const centred = tf.sub(x, tf.mean(x, 0, true));
  const variance = tf.mean(tf.square(centred), 0, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), tf.reshape(gain, [-1, 1])), tf.reshape(bias, [-1, 1]));
}

export function softmaxMajor(x: Tensor): Tensor {
  return tf.customGrad((input, save) => {
    const z = input as Tensor;
    (save as GradSaveFunc)([z]);
    const value = (): Tensor => { const e = tf.exp(tf.sub(z, stopGradient(tf.max(z, -2, true)))); return tf.div(e, tf.sum(e, -2, true)); };
    return { value: value(), gradFunc: (dy: Tensor, [saved]: Tensor[]) => {
      const y = softmaxMajor(saved);
      const weighted = tf.mul(dy, y);
      return tf.sub(weighted, tf.mul(y, tf.sum(weighted, -2, true)));
    } };
  })(x);
}

/** x / √(mean x² + ε) · gain over the last axis. @param x [..., d] @param gain [d] */
export function rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon))), gain);
}

/**
 * Negative log-likelihood in nats of a target a row.
 * @param logits [rows, V] @param targets int32 [rows] @returns [rows]
 */
export function crossEntropyRows(logits: Tensor, targets: Tensor, vocabularySize: number): Tensor {
  const chosen = tf.sum(tf.mul(logits, tf.transpose(tf.oneHot(targets, vocabularySize, 1, 0, 'float32'))), 0);
  const max = stopGradient(tf.max(logits, 0, true));
  const lse = tf.add(tf.log(tf.sum(tf.exp(tf.sub(logits, max)), 0)), tf.reshape(max, [-1]));
  return tf.sub(lse, chosen);
}
