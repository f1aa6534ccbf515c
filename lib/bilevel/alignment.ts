import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { perSampleLoss, type Model, type TokenIds } from '../models/index.js';
import { directionalDerivative, type NamedTensors } from '../tensor/index.js';

export interface AlignmentInput {
  readonly proxy: Model;
  readonly params: NamedTensors;
  /** int32 [n, T] */
  readonly ids: TokenIds;
  readonly causalProxy: boolean;
  /** direction in θ_p */
  readonly z: NamedTensors;
}

/**
 * a_i = ⟨∇_p L_i, z⟩ for the whole batch, [n]: the directional derivative of all L_i, the cross-entropy alone, along z. Exact, by
 * reverse mode twice; no per-sample gradient.  @see method §3
 */
export function alignment({ proxy, params, ids, causalProxy, z }: AlignmentInput): Tensor {
  const losses = (p: NamedTensors): Tensor => perSampleLoss({ model: proxy, params: p, ids, causal: causalProxy });
  const [n]: number[] = ids.shape;
  return directionalDerivative(losses, params, z, [n]);
}
