import { mapNamed } from '../../optim/index.js';
import { roundToHalf } from '../../round-to-half.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { SolverSettings } from '../types.js';

export interface StartInput {
  readonly start: SolverSettings['start'];
  /** gives names and shapes */
  readonly params: NamedTensors;
  /** z of the outer step before; zeros before the first */
  readonly previous: NamedTensors;
  /** float32 scalar: 1 in the first outer step of a round, else 0 */
  readonly first: Tensor;
}

/**
 * Where the iteration begins: undefined for zero, the z before for `warm`, and for `release` 1/numel in every element of every
 * tensor, which the release rounds to float16 in its first outer step.  @see method §3
 */
export function startOfZ({ start, params, previous, first }: StartInput): NamedTensors | undefined {
  if (start === 'zero') return undefined;
  if (start === 'warm') return previous;
  return mapNamed(params, (p) => {
    const value = tf.add(tf.mul(first, roundToHalf(1 / p.size)), tf.mul(tf.sub(1, first), 1 / p.size));
    return tf.mul(tf.onesLike(p), value);
  });
}
