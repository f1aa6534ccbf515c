import { z } from 'zod';
import { fraction, nonNegative, positiveInteger } from './common.js';
import { adamSchema } from './training.js';

export const bilevelSchema = z.strictObject({
  outerSteps: positiveInteger.default(3_000).describe('S, outer steps a round'),
  innerSteps: positiveInteger.default(1).describe('K, inner steps an outer step'),
  batchSize: positiveInteger.default(32).describe('n, rows of the inner and of the outer minibatch'),
  validationBatchSize: positiveInteger.default(32).describe('validation examples an outer step'),
  validationLoss: z.enum(['last-word', 'all-tokens']).default('last-word').describe('which tokens of a validation example count in F'),
  trainingFraction: fraction.default(1).describe("share of the round's group whose rows may train the scorer; the others are only ranked"),
  proxy: z
    .strictObject({
      peakLearningRate: z.number().positive().default(1e-5).describe('inner learning rate at its peak'),
      adam: adamSchema.prefault({}),
      gradientClip: z.number().positive().default(1).describe('global gradient norm'),
    })
    .prefault({}),
  score: z
    .strictObject({
      peakLearningRate: z.number().positive().default(1e-5).describe('outer learning rate at its peak'),
      adam: adamSchema.prefault({}),
      hypergradientClip: z.number().positive().default(1).describe('norm of each tensor of the hypergradient'),
      inherit: z.boolean().default(true).describe('go on from the score model of the round before'),
    })
    .prefault({}),
  warmUpFraction: z.number().min(0).lt(1).default(0.1).describe('share of the steps with linear learning-rate warm-up; then cosine to 0'),
  klWeight: nonNegative.default(1e-2).describe('γ, weight of the divergence from the target'),
  klDirection: z.enum(['target-proxy', 'proxy-target']).default('target-proxy').describe('target-proxy: KL(target ‖ proxy), the release’s'),
  l2Weight: nonNegative.default(1e-7).describe('λ, weight of the sum of squares of the proxy'),
  weights: z.enum(['softmax', 'raw']).default('softmax').describe('P_i: softmax of the scores over the minibatch, or the scores themselves over n'),
  normaliser: z.enum(['fresh', 'stale']).default('fresh').describe('softmax of the inner weights over this minibatch, or with the maximum and sum of the outer step before'),
  causalProxy: z.boolean().default(true).describe('false: the release’s proxy without a causal mask'),
  referenceDevices: positiveInteger.default(1).describe('N of the release’s run to reproduce: the cross-entropy is multiplied by 1/N'),
  disjointBatches: z.boolean().default(true).describe('inner and outer minibatches from disjoint rows; false: one cursor for both, as the release'),
  solver: z
    .strictObject({
      method: z.enum(['gd', 'cg', 'neumann', 'identity']).default('gd').describe('how z ≈ (H + δI)⁻¹∇F is found; identity: z = ∇F'),
      steps: positiveInteger.default(3).describe('iterations'),
      learningRate: z.number().positive().default(0.01).describe('step of gd and of neumann (η)'),
      damping: nonNegative.default(0.01).describe('δ'),
      residualClip: z.number().positive().default(1).describe('gd: norm of each tensor of the residual'),
      tolerance: nonNegative.default(0).describe('cg: relative residual to stop at'),
      start: z.enum(['zero', 'release', 'warm']).default('zero').describe('z at the start: 0, 1/numel in every tensor, or that of the outer step before'),
      curvature: z.enum(['hessian', 'gauss-newton']).default('hessian').describe('H of the lower loss, or its positive semidefinite Gauss-Newton part'),
    })
    .prefault({}),
  checkpointEvery: positiveInteger.default(100).describe('outer steps between checkpoints'),
});
export type BilevelConfig = z.infer<typeof bilevelSchema>;
