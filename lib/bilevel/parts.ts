import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { TokenIds } from '../models/index.js';
import { addNamed, scaleNamed } from '../optim/index.js';
import { tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { gaussNewtonProduct, hessianProduct } from './curvature-product.js';
import { lowerLoss, targetStates, type LowerLossInput } from './lower-loss.js';
import type { BilevelModels, BilevelSettings } from './types.js';

/*
 * The lower loss of a part of a minibatch's rows, whose sums over the parts are those of the whole:
 *
 *     G = Σ_parts [ (1/N) Σ_{i in part} P_i L_i  +  γ (rows of the part / n) KL_part ]  +  λ ‖θ_p‖²
 *
 * λ counts once, when all parts are in.  @see method §2, §5
 */
export interface LowerPartInput {
  readonly models: Pick<BilevelModels, 'proxy' | 'target'>;
  readonly settings: BilevelSettings;
  /** θ_p and θ_r */
  readonly proxy: NamedTensors;
  readonly target: NamedTensors;
  /** int32 [rows, T] */
  readonly ids: TokenIds;
  /** P_i of these rows, made of the scores of the whole minibatch: [rows] */
  readonly weights: Tensor;
  /** n, rows of the whole minibatch */
  readonly batchSize: number;
}

function lowerOf({ models, settings, proxy, target, ids, weights, batchSize }: LowerPartInput): { readonly lower: LowerLossInput; readonly share: number } {
  const share = ids.shape[0] / batchSize;
  const batch = { ids, weights, target: targetStates({ target: models.target, params: target, ids }) };
  return { lower: { proxy: models.proxy, params: proxy, batch, settings: { ...settings, klWeight: settings.klWeight * share, l2Weight: 0 } }, share };
}

/** A part's share of ∇G without λ's term, of Σ P_i L_i and of KL. */
export function lowerPart(input: LowerPartInput): { readonly gradients: NamedTensors; readonly weightedCrossEntropy: Tensor; readonly kl: Tensor } {
  const { lower, share } = lowerOf(input);
  const { gradients } = valueAndGradients((params) => lowerLoss({ ...lower, params }).loss, lower.params);
  const { weightedCrossEntropy, kl } = lowerLoss(lower);
  return { gradients, weightedCrossEntropy, kl: tf.mul(kl, share) };
}

/** A part's share of H·direction, without λ's term and the damping. */
export function curvaturePart(input: LowerPartInput & { readonly direction: NamedTensors }): NamedTensors {
  const { lower } = lowerOf(input);
  return (input.settings.solver.curvature === 'gauss-newton' ? gaussNewtonProduct(lower) : hessianProduct(lower))(input.direction);
}

/** (H + δI)·direction, from the sum of its parts. */
export const wholeProduct = (sum: NamedTensors, direction: NamedTensors, { l2Weight, solver }: BilevelSettings): NamedTensors =>
  addNamed(addNamed(sum, scaleNamed(direction, 2 * l2Weight)), scaleNamed(direction, solver.damping));

/** ∇G, from the sum of its parts. */
export const wholeGradient = (sum: NamedTensors, proxy: NamedTensors, { l2Weight }: BilevelSettings): NamedTensors => addNamed(sum, scaleNamed(proxy, 2 * l2Weight));
