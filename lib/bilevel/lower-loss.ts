import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { perSampleLoss, type Model, type TokenIds } from '../models/index.js';
import { sumOfSquares } from '../optim/index.js';
import { logSoftmax, tf, type NamedTensors } from '../tensor/index.js';
import { divergence } from './divergence.js';
import type { BilevelModels, BilevelSettings } from './types.js';

/** A minibatch of the lower level: all of it constant while θ_p is differentiated. */
export interface LowerBatch {
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** P_i, [n] */
  readonly weights: Tensor;
  /** log q of the target on these rows, [n·T, V] */
  readonly targetLogProbabilities: Tensor;
}

export type LowerSettings = Pick<BilevelSettings, 'klWeight' | 'klDirection' | 'l2Weight' | 'causalProxy' | 'referenceDevices'>;

export interface LowerLossInput {
  readonly proxy: Model;
  readonly params: NamedTensors;
  readonly batch: LowerBatch;
  readonly settings: LowerSettings;
}

export interface LowerLoss {
  /** G, a scalar */
  readonly loss: Tensor;
  /** Σ P_i L_i, without 1/N */
  readonly weightedCrossEntropy: Tensor;
  readonly kl: Tensor;
  /** ‖θ_p‖² */
  readonly sumOfSquares: Tensor;
  /** L_i, [n] */
  readonly perSampleLoss: Tensor;
}

/**
 *     G = (1/N) Σ_i P_i L_i(θ_p)  +  γ · KL  +  λ ‖θ_p‖²
 *
 * N is `referenceDevices`, 1 unless a run of the release on N devices is reproduced.  @see method §2, §5
 */
export function lowerLoss({ proxy, params, batch, settings }: LowerLossInput): LowerLoss {
  const logits = proxy.logits({ params, ids: batch.ids, causal: settings.causalProxy });
  const losses = perSampleLoss({ logits, ids: batch.ids });
  const weightedCrossEntropy = tf.sum(tf.mul(batch.weights, losses));
  const kl = divergence({ targetLogProbabilities: batch.targetLogProbabilities, proxyLogits: logits, direction: settings.klDirection });
  const squares = sumOfSquares(params);
  const weighted = settings.referenceDevices === 1 ? weightedCrossEntropy : tf.div(weightedCrossEntropy, settings.referenceDevices);
  const loss = tf.add(tf.add(weighted, tf.mul(kl, settings.klWeight)), tf.mul(squares, settings.l2Weight));
  return { loss, weightedCrossEntropy, kl, sumOfSquares: squares, perSampleLoss: losses };
}

/** What the divergence needs of the frozen target: log softmax of its logits, [n·T, V]. The target is always causal. */
export function targetLogProbabilities({ target, params, ids }: { readonly target: BilevelModels['target']; readonly params: NamedTensors; readonly ids: TokenIds }): Tensor {
  return logSoftmax(target.logits({ params, ids, causal: true }));
}
