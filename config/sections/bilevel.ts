import { z } from 'zod';
import { fraction, nonNegative, positive, positiveInteger } from './common.js';
import { FEATURES } from '../tables/selectors.js';
import { adamSchema } from './training.js';

const proxySchema = z.strictObject({
  peakLearningRate: positive.default(1e-5).meta({ description: 'inner learning rate at its peak', unit: '1 a step' }),
  adam: adamSchema.prefault({}),
  gradientClip: positive.default(1).meta({ description: 'norm of the whole gradient above which it is scaled down', unit: 'gradient norm' }),
});

/** κ: a weight that is moved by 1e-3 in each of some dozens of steps comes to say as much as one deviation of its feature. */
export const DEFAULT_FEATURE_SCALE = 32;

const scoreSchema = z.strictObject({
  peakLearningRate: positive.default(1e-5).meta({ description: 'outer learning rate at its peak', unit: '1 a step' }),
  adam: adamSchema.prefault({}),
  hypergradientClip: positive.default(1).meta({ description: 'norm of each tensor of the hypergradient above which it is scaled down', unit: 'gradient norm' }),
  features: z
    .array(z.enum(FEATURES))
    .optional()
    .describe('scores of other selectors that the score model is given of each row, besides its tokens: it learns a weight of each, and of its square; []: none, also where a preset has some; default: none'),
  featureScale: positive.optional().meta({ description: `κ, factor of what the features say: AdamW moves their weights by about the learning rate a step; default: ${DEFAULT_FEATURE_SCALE}`, unit: '1' }),
  backbone: z.boolean().optional().describe('false: no transformer in the score model, which then goes by its features alone: its outer steps cost less; default: true'),
  inherit: z.boolean().default(true).describe('continue from the score model of the round before; false: start again from the proxy'),
});

/** of z under AdamW's preconditioner.  @see method §3 */
export const DEFAULT_PRECONDITIONER_EPSILON = 1e-4;

/** @see method §3 */
const solverSchema = z.strictObject({
  method: z.enum(['gd', 'cg', 'neumann', 'identity']).default('gd').describe('how z ≈ (H + δI)⁻¹∇F is found; identity: z = ∇F'),
  steps: positiveInteger.default(1).meta({ description: 'iterations of gd, cg and neumann; gd with one step from zero needs no product with H, cg and neumann need several', unit: 'iterations' }),
  learningRate: positive.default(0.01).meta({ description: 'η, step of gd and of neumann', unit: '1' }),
  damping: nonNegative.default(0.01).meta({ description: 'δ, added to the diagonal of H', unit: '1' }),
  residualClip: positive.default(1).meta({ description: 'gd: norm of each tensor of the residual above which it is scaled down', unit: 'gradient norm' }),
  tolerance: nonNegative.default(0).meta({ description: 'cg: stop at this residual, relative to ∇F', unit: '1' }),
  start: z.enum(['zero', 'release', 'warm']).default('zero').describe('z at the start: 0, 1/numel in every tensor, or that of the outer step before'),
  curvature: z
    .enum(['hessian', 'gauss-newton'])
    .default('hessian')
    .describe('H of the lower loss, which may be indefinite, or its positive semidefinite Gauss-Newton part, which is the sound choice for cg'),
  preconditioner: z
    .enum(['none', 'adam'])
    .optional()
    .describe('adam, with identity only: z = ∇F ⊘ (√û + ε), û the second moment that AdamW of the proxy has after the inner steps: influence through a step of AdamW, not of plain gradient descent; default: none'),
  epsilon: positive.optional().meta({ description: `with preconditioner adam: ε added to √û; it bounds z where no step has touched the proxy; default: ${DEFAULT_PRECONDITIONER_EPSILON}`, unit: 'gradient' }),
});

/** @see method §4 */
const stopAtSchema = z.strictObject({
  rankCorrelation: z.number().gt(0).max(1).meta({ description: 'stopAt ends the phase where its ranking of rows stands still, by schedule wsd. This is Spearman’s correlation of two rankings, `every` steps apart, from which on the ranking stands still; twice in a row ends the phase. 1: never, the correlation is only measured', unit: '1' }),
  every: positiveInteger.meta({ description: 'distance of the rankings of a fixed sample of 512 rows of the round’s group', unit: 'outer steps' }),
});

/** @see method §2, §3 and §5 */
export const bilevelSchema = z.strictObject({
  outerSteps: positiveInteger.default(3_000).meta({ description: 'S, outer steps per round', unit: 'steps' }),
  laterOuterSteps: positiveInteger.optional().meta({ description: 'outer steps in rounds after the first, which go on from the score model of the round before; default: outerSteps', unit: 'steps' }),
  schedule: z
    .enum(['cosine', 'wsd'])
    .optional()
    .describe('both learning rates after their warm-up; cosine, the default: to 0 over outerSteps; wsd: constant, then linearly to 0 over as many steps as the warm-up has, at the end of outerSteps or where stopAt says'),
  stopAt: stopAtSchema.optional().describe('ends the phase where its ranking of rows stands still, with at most outerSteps; needs schedule wsd, which is made for it'),
  innerSteps: positiveInteger.default(1).meta({ description: 'K, inner steps per outer step', unit: 'steps' }),
  batchSize: positiveInteger.default(32).meta({ description: 'n, size of the inner minibatch and of the outer one', unit: 'rows' }),
  microBatchSize: positiveInteger.optional().meta({ description: 'rows of a minibatch in memory at once, a divisor of batchSize: sums over rows are added up part by part, the step is the same but for rounding; default: the whole minibatch', unit: 'rows' }),
  validationBatchSize: positiveInteger.default(32).meta({ description: 'size of the validation minibatch of an outer step', unit: 'examples' }),
  validationMicroBatchSize: positiveInteger.optional().meta({ description: 'examples of the validation minibatch in memory at once, a divisor of validationBatchSize; default: all of them', unit: 'examples' }),
  validationLoss: z.enum(['last-word', 'all-tokens']).default('last-word').describe('which tokens of a validation example count in F'),
  trainingFraction: fraction.default(1).meta({ description: 'part of the round’s group whose rows may train the scorer; the others are only ranked', unit: 'share of rows' }),
  proxy: proxySchema.prefault({}).describe('lower level: the proxy'),
  score: scoreSchema.prefault({}).describe('upper level: the score model'),
  warmUpFraction: z.number().min(0).lt(1).default(0.1).meta({ description: 'linear warm-up of both learning rates; then as `schedule` says', unit: 'share of steps' }),
  klWeight: nonNegative.default(1e-2).meta({ description: 'γ, weight of the divergence from the target', unit: '1' }),
  klDirection: z.enum(['target-proxy', 'proxy-target']).default('target-proxy').describe('target-proxy: KL(target ‖ proxy), the release’s; proxy-target: the paper’s'),
  l2Weight: nonNegative.default(1e-7).meta({ description: 'λ, weight of the sum of squares of the proxy', unit: '1' }),
  weights: z
    .enum(['softmax', 'logits', 'raw'])
    .default('softmax')
    .describe('P_i: softmax of the scores over the minibatch, softmax of their logits over temperature, or the scores themselves over n'),
  temperature: positive.optional().meta({ description: 'τ of weights of logits: P is the softmax of f/τ; default: 1', unit: '1' }),
  normaliser: z.enum(['fresh', 'stale']).default('fresh').describe('softmax of the inner weights over this minibatch, or with the maximum and sum of the outer step before'),
  causalProxy: z.boolean().default(true).describe('false: the proxy without a causal mask, as in the release'),
  referenceDevices: positiveInteger.default(1).meta({ description: 'N of the release’s run to reproduce: the cross-entropy is multiplied by 1/N', unit: 'devices' }),
  disjointBatches: z.boolean().default(true).describe('inner and outer minibatches from disjoint rows; false: they may overlap, as in the release'),
  solver: solverSchema.prefault({}).describe('z ≈ (H + δI)⁻¹∇F, the inverse-Hessian product of the hypergradient'),
  checkpointEvery: positiveInteger.default(100).meta({ description: 'distance between checkpoints; a shorter stage saves none and begins again when it is killed', unit: 'outer steps' }),
});
export type BilevelConfig = z.infer<typeof bilevelSchema>;
