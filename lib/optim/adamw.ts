import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { joinedVectors, tf, type NamedTensors } from '../tensor/index.js';
import { mapNamed } from './named-vectors.js';

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export interface Moments {
  /** running mean of g */
  readonly m: NamedTensors;
  /** running mean of g² */
  readonly u: NamedTensors;
}

/** 1 / (1 − β^k) for both moments: float32 scalars, inputs of a compiled step */
export interface BiasCorrections {
  readonly c1: Tensor;
  readonly c2: Tensor;
}

export interface AdamWInput {
  readonly params: NamedTensors;
  readonly gradients: NamedTensors;
  readonly moments: Moments;
  /** float32 scalar */
  readonly learningRate: Tensor;
  readonly corrections: BiasCorrections;
  readonly settings: AdamSettings;
}

/**
 * AdamW, one group, decay on every tensor:
 *
 *     p ← p (1 − lr·wd);  m ← β₁ m + (1−β₁) g;  u ← β₂ u + (1−β₂) g²;  p ← p − lr·c₁·m / (√(c₂ u) + ε)
 *
 * @see method §3
 */
export function adamw({ params, gradients, moments, learningRate, corrections, settings }: AdamWInput): { readonly params: NamedTensors; readonly moments: Moments } {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  const { join, separate } = joinedVectors(params);
  const [g, m, u] = [gradients, moments.m, moments.u].map(join);
  const nextM = mapNamed(g, (gradient, name) => tf.add(tf.mul(m[name], beta1), tf.mul(gradient, 1 - beta1)));
  const nextU = mapNamed(g, (gradient, name) => tf.add(tf.mul(u[name], beta2), tf.mul(tf.square(gradient), 1 - beta2)));
  const keep = tf.sub(1, tf.mul(learningRate, weightDecay));
  const rate = tf.mul(learningRate, corrections.c1);
  const updated = mapNamed(join(params), (p, name) => {
    const root = tf.sqrt(tf.mul(nextU[name], corrections.c2));
    return tf.sub(tf.mul(p, keep), tf.mul(rate, tf.div(nextM[name], tf.add(root, epsilon))));
  });
  return { params: separate(updated), moments: { m: separate(nextM), u: separate(nextU) } };
}

/** Plain numbers for a step's inputs. @param update k, the 1-based count of updates, those with a learning rate of 0 too */
export function biasCorrections(update: number, { beta1, beta2 }: Pick<AdamSettings, 'beta1' | 'beta2'>): { readonly c1: number; readonly c2: number } {
  return { c1: 1 / (1 - beta1 ** update), c2: 1 / (1 - beta2 ** update) };
}
