import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { linear, overLogits, projection, type PositionRange } from '../models/index.js';
import { directionalDerivative, innerProduct, softmaxAlong, stopGradient, tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { addNamed, scaleNamed } from '../optim/index.js';
import { lowerLoss, type LowerLossInput } from './lower-loss.js';

/** direction ↦ H·direction, undamped */
export type CurvatureProduct = (direction: NamedTensors) => NamedTensors;

/** H = ∇²_pp G, exactly: the gradient of ⟨∇G, direction⟩.  @see method §3 */
export function hessianProduct(lower: LowerLossInput): CurvatureProduct {
  const gradient = (params: NamedTensors): NamedTensors => valueAndGradients((p) => lowerLoss({ ...lower, params: p }).loss, params).gradients;
  return (direction) => valueAndGradients((params) => innerProduct(gradient(params), direction), lower.params).gradients;
}

/**
 * The Gauss-Newton part of H, positive semidefinite: Jᵀ M J + 2λI, J the Jacobian of the logits ℓ and M, row by row,
 *
 *     w (diag p − p pᵀ),   w = P_i / (N (T−1)) for a predicting position  +  γ / (n T)
 *
 * which is ∇²_ℓ G itself under KL(target ‖ proxy); under the other direction it is the same Fisher metric in its place.
 * One jvp and one vjp; the logits and their tangents are held a part at a time.  @see method §3
 */
export function gaussNewtonProduct({ proxy, params, batch, settings }: LowerLossInput): CurvatureProduct {
  const { ids } = batch;
  const hiddenOf = (p: NamedTensors): Tensor => proxy.hidden({ params: p, ids, causal: settings.causalProxy });
  const hidden = hiddenOf(params);
  const weight = proxy.outputWeight(params);
  const [width]: number[] = hidden.shape;
  const columns = (x: Tensor, { start, size }: PositionRange): Tensor => tf.slice(x, [0, start], [width, size]);

  const [n, length]: number[] = ids.shape;
  const predicting = tf.mul(tf.ones([n, length - 1]), 1 / ((length - 1) * settings.referenceDevices));
  const perPosition = tf.mul(tf.reshape(batch.weights, [n, 1]), tf.concat([predicting, tf.zeros([n, 1])], 1));
  const positionWeights = tf.reshape(tf.add(perPosition, settings.klWeight / (n * length)), [n * length]);

  return (direction) => {
    const hiddenTangent = directionalDerivative(hiddenOf, params, direction, hidden.shape);
    const weightTangent = proxy.outputWeight(direction);
    /** w (diag p − p pᵀ) times the tangent of the logits, [V, size] */
    const metric = (range: PositionRange): Tensor => {
      const probabilities = softmaxAlong(linear(columns(hidden, range), weight), 0);
      const tangent = tf.add(linear(columns(hiddenTangent, range), weight), linear(columns(hidden, range), weightTangent));
      const weighted = tf.mul(probabilities, tangent);
      return tf.mul(tf.slice(positionWeights, range.start, range.size), tf.sub(weighted, tf.mul(probabilities, tf.sum(weighted, 0, true))));
    };
    // Jᵀ of a constant: the gradient of the logits' inner product with it
    const pulledBack = (p: NamedTensors): Tensor => {
      const [products] = overLogits(projection({ model: proxy, params: p, ids, causal: settings.causalProxy }), (logits, range) => [tf.sum(tf.mul(logits, stopGradient(metric(range))), 0)]);
      return tf.sum(products);
    };
    return addNamed(valueAndGradients(pulledBack, params).gradients, scaleNamed(direction, 2 * settings.l2Weight));
  };
}
