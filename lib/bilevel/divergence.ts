import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { logSoftmax, tf } from '../tensor/index.js';

export interface DivergenceInput {
  /** log q of the target, [rows, V], a constant */
  readonly targetLogProbabilities: Tensor;
  /** of the proxy, [rows, V] */
  readonly proxyLogits: Tensor;
  readonly direction: 'target-proxy' | 'proxy-target';
}

/**
 * KL over the whole vocabulary at temperature 1, mean over rows (samples and all T positions), a scalar:
 *
 *     target-proxy    Σ_v q (log q − log p)     the release's
 *     proxy-target    Σ_v p (log p − log q)     the paper's
 *
 * @see method §2
 */
export function divergence({ targetLogProbabilities: logQ, proxyLogits, direction }: DivergenceInput): Tensor {
  const logP = logSoftmax(proxyLogits);
  const perRow =
    direction === 'target-proxy'
      ? tf.sum(tf.mul(tf.exp(logQ), tf.sub(logQ, logP)), -1)
      : tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), -1);
  return tf.mean(perRow);
}
