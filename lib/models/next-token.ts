import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { crossEntropy, tf } from '../tensor/index.js';
import { batchShape, type ForwardInput, type Model, type TokenIds } from './model.js';
import { overLogits, type OverLogitsInput } from './over-logits.js';

export interface NextTokenInput extends ForwardInput {
  readonly model: Model;
}

/** −log p(token t+1 | …) in nats, position by position. @returns [n, T−1] */
export function nextTokenLosses(input: NextTokenInput): Tensor {
  const targets = nextTokens(input.ids);
  const [losses] = overLogits(projection(input), (logits, { start, size }) => [crossEntropy(logits, tf.slice(targets, start, size))]);
  return predictions(losses, input.ids);
}

/** L_i: the mean over T−1 positions of the next-token cross-entropy of sample i. @returns [n]  @see method §1 */
export function perSampleLoss(input: NextTokenInput): Tensor {
  return tf.mean(nextTokenLosses(input), 1);
}

/** What the logits of a batch are made of, and how many of them at once. */
export function projection({ model, ...input }: NextTokenInput): OverLogitsInput {
  return { hidden: model.hidden(input), weight: model.outputWeight(input.params), most: model.logitsAtOnce };
}

/** The token after each position, int32 [n·T]; 0 after a row's last, whose prediction counts nowhere. */
export function nextTokens(ids: TokenIds): Tensor {
  const [n, length] = batchShape(ids);
  return tf.reshape(tf.concat([tf.slice(ids, [0, 1], [n, length - 1]), tf.zeros([n, 1], 'int32')], 1), [n * length]);
}

/** Leaves out each row's last position, which predicts nothing. @param values [n·T] @returns [n, T−1] */
export function predictions(values: Tensor, ids: TokenIds): Tensor {
  const [n, length] = batchShape(ids);
  return tf.slice(tf.reshape(values, [n, length]), [0, 0], [n, length - 1]);
}
