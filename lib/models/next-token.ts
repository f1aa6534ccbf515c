import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { crossEntropyRows, tf } from '../tensor/index.js';
import { batchShape, type TokenIds } from './model.js';

export interface NextTokenInput {
  /** [n·T, V] */
  readonly logits: Tensor;
  /** int32 [n, T] */
  readonly ids: TokenIds;
}

/** −log p(token t+1 | …) in nats, position by position. @returns [n, T−1] */
export function nextTokenLosses({ logits, ids }: NextTokenInput): Tensor {
  const [n, length] = batchShape(ids);
  const [vocabularySize]: number[] = logits.shape;
  const rows = crossEntropyRows(logits, tf.reshape(shiftLeft(ids), [n * length]), vocabularySize);
  // the last position predicts nothing; its row is computed against id 0 and dropped
  return tf.slice(tf.reshape(rows, [n, length]), [0, 0], [n, length - 1]);
}

/** L_i: the mean over T−1 positions of the next-token cross-entropy of sample i. @returns [n]  @see method §1 */
export function perSampleLoss(input: NextTokenInput): Tensor {
  return tf.mean(nextTokenLosses(input), 1);
}

/** x[:, t] ← x[:, t+1], zero at the end. @param x [n, T] of any dtype */
function shiftLeft(x: Tensor): Tensor {
  const [n, length]: number[] = x.shape;
  return tf.concat([tf.slice(x, [0, 1], [n, length - 1]), tf.zeros([n, 1], x.dtype)], 1);
}
