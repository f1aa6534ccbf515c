import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { BilevelConfig } from '../../config/sections/bilevel.js';
import type { Model, ScoreModel } from '../models/index.js';

/** the part of a run's `bilevel` section that decides what a step computes */
export type BilevelSettings = Pick<
  BilevelConfig,
  'klWeight' | 'klDirection' | 'l2Weight' | 'weights' | 'temperature' | 'normaliser' | 'causalProxy' | 'referenceDevices' | 'solver' | 'proxy' | 'score'
>;
export type SolverSettings = BilevelSettings['solver'];

export interface BilevelModels {
  /** θ_p's */
  readonly proxy: Model;
  /** θ_s's */
  readonly score: ScoreModel;
  /** θ_r's; always causal */
  readonly target: Model;
}

/** max s and Σ exp(s − max) of the previous outer step's minibatch, float32 scalars. Any finite value before the first. */
export interface Normaliser {
  readonly max: Tensor;
  readonly sum: Tensor;
}
