import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { linear, nextTokens, overLogits, predictions, projection, type Model, type OverLogitsInput, type TokenIds } from '../models/index.js';
import { sumOfSquares } from '../optim/index.js';
import { crossEntropy, logSoftmax, tf, type NamedTensors } from '../tensor/index.js';
import { divergence } from './divergence.js';
import type { BilevelModels, BilevelSettings } from './types.js';

/** A minibatch of the lower level: all of it constant while θ_p is differentiated. */
export interface LowerBatch {
  /** int32 [n, T] */
  readonly ids: TokenIds;
  /** P_i, [n] */
  readonly weights: Tensor;
  /** of the target on these rows: its hidden states [d, n·T] and its output projection [V, d] */
  readonly target: TargetStates;
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
  const { ids, target } = batch;
  const tokens = nextTokens(ids);
  const [perPosition, divergences] = overLogits(projection({ model: proxy, params, ids, causal: settings.causalProxy }), (logits, { start, size }) => {
    const targetLogProbabilities = logSoftmax(linear(tf.slice(target.hidden, [0, start], [target.hidden.shape[0], size]), target.weight), 0);
    const kl = divergence({ targetLogProbabilities, proxyLogits: logits, direction: settings.klDirection });
    return [crossEntropy(logits, tf.slice(tokens, start, size)), kl];
  });
  const losses = tf.mean(predictions(perPosition, ids), 1);
  const weightedCrossEntropy = tf.sum(tf.mul(batch.weights, losses));
  const kl = tf.mean(divergences);
  const squares = sumOfSquares(params);
  const weighted = settings.referenceDevices === 1 ? weightedCrossEntropy : tf.div(weightedCrossEntropy, settings.referenceDevices);
  const loss = tf.add(tf.add(weighted, tf.mul(kl, settings.klWeight)), tf.mul(squares, settings.l2Weight));
  return { loss, weightedCrossEntropy, kl, sumOfSquares: squares, perSampleLoss: losses };
}

export type TargetStates = Pick<OverLogitsInput, 'hidden' | 'weight'>;

/** What the divergence needs of the frozen target; its logits are made a part at a time. The target is always causal. */
export function targetStates({ target, params, ids }: { readonly target: BilevelModels['target']; readonly params: NamedTensors; readonly ids: TokenIds }): TargetStates {
  return projection({ model: target, params, ids, causal: true });
}
