import { z } from 'zod';
import { naturalNumber, positive } from './common.js';

/** What counts as numbers gone bad in warm-ups, bilevel, pretraining and decay, and what is done about it. A loss, gradient or hypergradient that is no finite number always counts. */
export const divergenceSchema = z.strictObject({
  policy: z
    .enum(['stop', 'rewind'])
    .default('stop')
    .describe('stop: end the stage, naming step, rows and last checkpoint; rewind: compute the state before the step again, skip its batch and go on, as if the batch were not in the data'),
  maxSkipped: naturalNumber.default(10).meta({ description: 'with rewind: how many batches of a stage may be skipped; one more ends it', unit: 'batches' }),
  spike: z
    .strictObject({
      window: z.number().int().min(4).default(128).meta({ description: 'number of good steps before a step with whose losses its own is compared; the first half window of a stage is not judged', unit: 'steps' }),
      deviations: positive.default(6).meta({ description: 'a loss above the mean of the window and this many of its standard deviations is a spike', unit: 'standard deviations' }),
    })
    .optional()
    .describe('loss spikes count too: the loss of training, upper and lower loss of the bilevel phase, each by itself; without this section they do not'),
});
export type DivergenceConfig = z.infer<typeof divergenceSchema>;
