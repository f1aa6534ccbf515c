/**
 * A process of its own for `bliss doctor`: loads TensorFlow and multiplies two matrices. A native library that does not fit ends the process, not the
 * doctor. Prints one line of JSON: ProbeAnswer.
 */
import { tf } from '../../lib/tensor/tf.js';

export interface ProbeAnswer {
  readonly backend: string;
  readonly gpu: boolean;
  /** sum of the product of two matrices of ones, 2·3·2 */
  readonly sum: number;
}

const backend: unknown = tf.backend();
const gpu = typeof backend === 'object' && backend !== null && 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true;
const sum = tf.tidy(() => tf.sum(tf.matMul(tf.ones([2, 3]), tf.ones([3, 2]))).arraySync());
const answer: ProbeAnswer = { backend: tf.getBackend(), gpu, sum: typeof sum === 'number' ? sum : Number.NaN };
process.stdout.write(`${JSON.stringify(answer)}\n`);
