import { z } from 'zod';
import { fraction, nonNegative, positiveInteger } from './common.js';

export const adamSchema = z.strictObject({
  beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the first moment'),
  beta2: z.number().min(0).lt(1).default(0.95).describe('decay of the second moment'),
  epsilon: z.number().positive().default(1e-8).describe('ε beside the root of the second moment'),
  weightDecay: nonNegative.default(0.1).describe('decoupled, on every tensor'),
});

export const warmUpSchema = z.strictObject({
  steps: positiveInteger.default(10_000).describe('steps of each of the two warm-ups'),
  batchSize: positiveInteger.describe('rows a step'),
  peakLearningRate: z.number().positive().default(1e-3).describe('after warm-up, constant (WSD)'),
  warmUpSteps: z.number().int().min(0).default(2_000).describe('steps of linear learning-rate warm-up'),
  fraction: fraction.default(0.2).describe('share of group 0, drawn uniformly, that the warm-ups train on'),
  gradientClip: z.number().positive().default(1).describe('global gradient norm'),
  adam: adamSchema.prefault({}),
});

export const pretrainingSchema = z.strictObject({
  steps: positiveInteger.default(10_000).describe('steps a round'),
  batchSize: positiveInteger.describe('rows a step'),
  peakLearningRate: z.number().positive().default(1e-3).describe('constant after warmUpSteps'),
  peakLearningRatePerRound: z.enum(['constant', 'halved']).default('constant').describe("halved: the release's peak·0.5^(r−1)"),
  warmUpSteps: z.number().int().min(0).default(0).describe('steps of linear warm-up at the start of round 1 (the target is warm already)'),
  gradientClip: z.number().positive().default(1).describe('global gradient norm'),
  adam: adamSchema.prefault({}),
  decay: z
    .strictObject({
      steps: positiveInteger.default(200).describe('steps of the side branch for evaluation'),
      halfLife: z.number().positive().default(50).describe('k in lr·0.5^(step/k)'),
    })
    .prefault({}),
  checkpointEvery: positiveInteger.default(500).describe('steps between checkpoints; the warm-ups too'),
});
