import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { DEFAULT_PRECONDITIONER_EPSILON } from '../../config/sections/bilevel.js';
import { mapNamed } from '../optim/index.js';
import { joinedVectors, tf, type NamedTensors } from '../tensor/index.js';
import type { SolverSettings } from './types.js';

export interface ProxySecondMoment {
  /** u, AdamW's running mean of g² of the proxy, after the inner steps */
  readonly u: NamedTensors;
  /** 1 / (1 − β₂^k), k the proxy's updates so far; a float32 scalar */
  readonly c2: Tensor;
}

/**
 * √û + ε, û = c₂ u: what AdamW divides by, element by element, where the proxy's next step moves. A constant of the outer step. An
 * element that no step has touched has √û ≈ 0: there ε alone bounds z.  @see method §3
 */
export function preconditioner({ u, c2 }: ProxySecondMoment, { epsilon = DEFAULT_PRECONDITIONER_EPSILON }: Pick<SolverSettings, 'epsilon'>): NamedTensors {
  const { join, separate } = joinedVectors(u);
  return separate(mapNamed(join(u), (moment) => tf.add(tf.sqrt(tf.mul(moment, c2)), epsilon)));
}
