import { directionalDerivative, innerProduct, tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
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
 * One jvp and one vjp.  @see method §3
 */
export function gaussNewtonProduct({ proxy, params, batch, settings }: LowerLossInput): CurvatureProduct {
  const logits = (p: NamedTensors): ReturnType<typeof proxy.logits> => proxy.logits({ params: p, ids: batch.ids, causal: settings.causalProxy });
  const probabilities = tf.softmax(logits(params));
  const [n, length]: number[] = batch.ids.shape;
  const predicting = tf.mul(tf.ones([n, length - 1]), 1 / ((length - 1) * settings.referenceDevices));
  const perPosition = tf.mul(tf.reshape(batch.weights, [n, 1]), tf.concat([predicting, tf.zeros([n, 1])], 1));
  const rowWeights = tf.reshape(tf.add(perPosition, settings.klWeight / (n * length)), [n * length, 1]);
  return (direction) => {
    const tangent = directionalDerivative(logits, params, direction, probabilities.shape);
    const weighted = tf.mul(probabilities, tangent);
    const metric = tf.mul(rowWeights, tf.sub(weighted, tf.mul(probabilities, tf.sum(weighted, -1, true))));
    const curved = valueAndGradients(logits, params, metric).gradients;
    return addNamed(curved, scaleNamed(direction, 2 * settings.l2Weight));
  };
}
