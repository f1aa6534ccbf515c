import { z } from 'zod';
import { positive, positiveInteger } from './common.js';

/** The fine-tune that excess losses are measured by. @see docs/method.md §9 */
export const colorSchema = z.strictObject({
  steps: positiveInteger.default(64).meta({ description: 'steps of the model on the validation set: of the warmed-up proxy, or of the target for color-target; many more learn it by heart', unit: 'steps' }),
  batchSize: positiveInteger.default(32).meta({ description: 'minibatch of the fine-tune: rows packed of validation passages', unit: 'rows' }),
  microBatchSize: positiveInteger.optional().meta({ description: 'rows in memory at once, a divisor of batchSize; default: the whole batch', unit: 'rows' }),
  peakLearningRate: positive.default(1e-3).meta({ description: 'learning rate of the fine-tune at its peak', unit: '1 a step' }),
  warmUpFraction: z.number().min(0).lt(1).default(0.1).meta({ description: 'linear warm-up of that learning rate; then cosine to 0', unit: 'share of steps' }),
  checkpointEvery: positiveInteger.default(500).meta({ description: 'distance between checkpoints; a shorter fine-tune saves none and begins again when it is killed', unit: 'steps' }),
});
export type ColorConfig = z.infer<typeof colorSchema>;
