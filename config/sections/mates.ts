import { z } from 'zod';
import { nonNegative, positive, positiveInteger } from './common.js';

/** AdamW as Hugging Face's trainer has it by default, and the decay of the release */
const regressionAdamSchema = z
  .strictObject({
    beta1: z.number().min(0).lt(1).default(0.9).meta({ description: 'β₁, share of the first moment that a step keeps', unit: '1' }),
    beta2: z.number().min(0).lt(1).default(0.999).meta({ description: 'β₂, share of the second moment that a step keeps', unit: '1' }),
    epsilon: positive.default(1e-8).meta({ description: 'ε added to the root of the second moment', unit: 'gradient' }),
    weightDecay: nonNegative.default(0.01).meta({ description: 'decoupled, on every tensor, times the learning rate', unit: '1 a step' }),
  })
  .describe('AdamW of the regression');

/** Defaults are the release's. @see docs/method.md §9 */
export const matesSchema = z.strictObject({
  probes: z.number().int().min(4).default(80_000).meta({ description: 'rows of the round’s group whose influence is measured, drawn uniformly; they count as rows that trained the scorer', unit: 'rows' }),
  probeLearningRate: positive.default(1e-3).meta({ description: 'learning rate of the one step on a probed row', unit: '1 a step' }),
  validationExamples: positiveInteger.default(1_024).meta({ description: 'validation examples whose loss is measured after every probe, the same ones during a round; bilevel.validationLoss says which of their tokens count', unit: 'examples' }),
  validationBatchSize: positiveInteger.default(32).meta({ description: 'how many of them are computed at once', unit: 'examples' }),
  heldOutFraction: z.number().gt(0).lt(1).default(0.1).meta({ description: 'probes that the regression does not learn from; its predictions are measured on them', unit: 'share of probes' }),
  epochs: positiveInteger.default(5).meta({ description: 'passes of the regression over the other probes', unit: 'passes' }),
  batchSize: positiveInteger.default(64).meta({ description: 'minibatch of the regression', unit: 'rows' }),
  peakLearningRate: positive.default(5e-5).meta({ description: 'learning rate of the regression at its peak', unit: '1 a step' }),
  warmUpFraction: z.number().min(0).lt(1).default(0).meta({ description: 'linear warm-up of that learning rate; then cosine to 0', unit: 'share of steps' }),
  adam: regressionAdamSchema.prefault({}),
  gradientClip: positive.default(1).meta({ description: 'norm of the regression’s whole gradient above which it is scaled down', unit: 'gradient norm' }),
  temperature: nonNegative.default(0.5).meta({ description: 'scale of the Gumbel noise that selection adds to predicted influences', unit: 'standard deviations of the predictions' }),
  checkpointEvery: positiveInteger.default(500).meta({ description: 'distance between checkpoints', unit: 'probes, and steps of the regression' }),
});
export type MatesConfig = z.infer<typeof matesSchema>;
