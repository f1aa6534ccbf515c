import { z } from 'zod';
import { fraction, naturalNumber, nonNegative, positive, positiveInteger } from './common.js';

/** @see method §5 */
export const adamSchema = z
  .strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).meta({ description: 'β₁, share of the first moment that a step keeps', unit: '1' }),
    beta2: z.number().min(0).lt(1).default(0.95).meta({ description: 'β₂, share of the second moment that a step keeps', unit: '1' }),
    epsilon: positive.default(1e-8).meta({ description: 'ε added to the root of the second moment', unit: 'gradient' }),
    weightDecay: nonNegative.default(0.1).meta({ description: 'decoupled, on every tensor, times the learning rate', unit: '1 a step' }),
  })
  .describe('AdamW');

export const warmUpSchema = z.strictObject({
  steps: positiveInteger.default(10_000).meta({ description: 'length of each of the two warm-ups', unit: 'steps' }),
  batchSize: positiveInteger.meta({ description: 'size of the minibatch of a step', unit: 'rows' }),
  microBatchSize: positiveInteger
    .optional()
    .meta({ description: 'rows in memory at once, a divisor of batchSize: a step adds up the gradients of its micro-batches; default: the whole batch', unit: 'rows' }),
  peakLearningRate: positive.default(1e-3).meta({ description: 'learning rate after its linear warm-up; it stays there', unit: '1 a step' }),
  warmUpSteps: naturalNumber.default(2_000).meta({ description: 'linear warm-up of the learning rate from 0', unit: 'steps' }),
  fraction: fraction.default(0.2).meta({ description: 'part of group 0, drawn uniformly, that both warm-ups train on', unit: 'share of rows' }),
  gradientClip: positive.default(1).meta({ description: 'norm of the whole gradient above which it is scaled down', unit: 'gradient norm' }),
  adam: adamSchema.prefault({}),
});

export const pretrainingSchema = z.strictObject({
  steps: positiveInteger.default(10_000).meta({ description: 'length of one round’s pretraining', unit: 'steps' }),
  batchSize: positiveInteger.meta({ description: 'size of the minibatch of a step', unit: 'rows' }),
  microBatchSize: positiveInteger
    .optional()
    .meta({ description: 'rows in memory at once, a divisor of batchSize: a step adds up the gradients of its micro-batches; default: the whole batch', unit: 'rows' }),
  peakLearningRate: positive.default(1e-3).meta({ description: 'learning rate after warmUpSteps; it stays there', unit: '1 a step' }),
  peakLearningRatePerRound: z
    .enum(['constant', 'halved'])
    .default('constant')
    .describe('the peak in round r: the same in every round, or peakLearningRate·0.5^(r−1) as in the release'),
  warmUpSteps: naturalNumber.default(0).meta({ description: 'linear warm-up at the start of round 1 (the target is warmed up already)', unit: 'steps' }),
  gradientClip: positive.default(1).meta({ description: 'norm of the whole gradient above which it is scaled down', unit: 'gradient norm' }),
  adam: adamSchema.prefault({}),
  decay: z
    .strictObject({
      steps: positiveInteger.default(200).meta({ description: 'length of the side branch', unit: 'steps' }),
      halfLife: positive.default(50).meta({ description: 'k: the learning rate is lr·0.5^(step/k)', unit: 'steps' }),
    })
    .prefault({})
    .describe('side branch after each round, for evaluation only'),
  checkpointEvery: positiveInteger
    .default(500)
    .meta({ description: 'distance between checkpoints, also of the warm-ups; a shorter stage saves none and begins again when it is killed', unit: 'steps' }),
});
