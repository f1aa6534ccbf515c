import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ScoreModel, TokenIds } from '../models/index.js';
import { tf, type NamedTensors } from '../tensor/index.js';

export interface RegressionLossInput {
  readonly model: ScoreModel;
  /** the influence model by name: a score model's tensors */
  readonly params: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** float32 [n]: influences as `influenceTargets` makes them */
  readonly targets: Tensor;
}

/** (1/n) Σ (f(ξ_i) − y_i)², f the score model's logit, which no sigmoid follows; a scalar.  @see method §9 */
export function regressionLoss({ model, params, ids, targets }: RegressionLossInput): Tensor {
  return tf.mean(tf.square(tf.sub(model.logits({ params, ids }), targets)));
}
