import { z } from 'zod';
import { fraction, identifier, nonNegative, positiveInteger } from './common.js';

export const scoringSchema = z.strictObject({
  batchSize: positiveInteger.default(512).describe('rows of one scoring batch; the grid is fixed by row index'),
  shardsPerTask: positiveInteger.default(4).describe('shards that one activity scores'),
});

export const selectionSchema = z.strictObject({
  fraction: fraction.default(0.2).describe("share of the round's group that is kept"),
  method: z.enum(['top-k', 'gumbel-top-k']).default('top-k').describe('by logit, ties by row id; or with Gumbel noise of a temperature'),
  temperature: nonNegative.default(0.5).describe('of gumbel-top-k'),
  trainedRows: z.enum(['flag', 'exclude']).default('flag').describe('rows that trained the scorer: flagged in the scores, or never selected'),
  from: z
    .string()
    .regex(/^[^/]+\/round-[1-9][0-9]*$/, 'RUN/round-N')
    .optional()
    .describe("take round N's selection of another run instead of learning one: RUN/round-3"),
});

export const evaluationSchema = z.strictObject({
  batchSize: positiveInteger.default(32).describe('examples a batch'),
  sets: z.array(z.enum(['tuning', 'test'])).min(1).default(['test']).describe('held-out sets that each arm is evaluated on after each round'),
});

export const comparisonSchema = z.strictObject({
  arms: z
    .array(
      z.strictObject({
        name: identifier.describe('name of the arm'),
        selector: z.enum(['bliss', 'random']).describe('how the arm selects; every arm has the same budget'),
      }),
    )
    .min(1)
    .default([
      { name: 'bliss', selector: 'bliss' },
      { name: 'random', selector: 'random' },
    ])
    .describe('selectors side by side'),
});

export const runtimeSchema = z.strictObject({
  compiler: z.enum(['xla', 'graph']).default('xla').describe('xla: fastest steps; graph: ready 3-4 times sooner, steps 1.2 times slower'),
  precision: z.enum(['float32', 'bf16-mixed']).default('float32').describe('bf16-mixed is not implemented yet and refused at the start of a run'),
  numerics: z.enum(['continue', 'strict']).default('continue').describe('resume under another numerics fingerprint: go on and mark it, or refuse'),
});

export const workerSchema = z.strictObject({
  heartbeatTimeout: z.number().min(2).default(60).describe('seconds without progress after which an attempt counts as lost'),
  compileTimeout: z.number().min(10).default(1_800).describe('seconds that tracing and compiling may take without progress'),
  preemptionNotice: z.number().min(1).default(25).describe('seconds from SIGTERM to the end of the worker'),
  keepCheckpoints: positiveInteger.default(2).describe('checkpoints kept a stage'),
});
