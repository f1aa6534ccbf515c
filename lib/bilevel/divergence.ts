import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { logSoftmax, tf } from '../tensor/index.js';

export interface DivergenceInput {
  /** log q of the target, [V, positions], a constant */
  readonly targetLogProbabilities: Tensor;
  /** of the proxy, [V, positions] */
  readonly proxyLogits: Tensor;
  readonly direction: 'target-proxy' | 'proxy-target';
}

/**
 * KL over the whole vocabulary at temperature 1, position by position:
 *
 *     target-proxy    Σ_v q (log q − log p)     the release's
 *     proxy-target    Σ_v p (log p − log q)     the paper's
 *
 * @returns [positions]; G takes the mean over samples and all T positions  @see method §2
 */
export function divergence({ targetLogProbabilities: logQ, proxyLogits, direction }: DivergenceInput): Tensor {
  const logP = logSoftmax(proxyLogits, 0);
  return direction === 'target-proxy' ? tf.sum(tf.mul(tf.exp(logQ), tf.sub(logQ, logP)), 0) : tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), 0);
}
