import { z } from 'zod';
import { bilevelSchema } from './sections/bilevel.js';
import { colorSchema } from './sections/color.js';
import { identifier, naturalNumber, positiveInteger } from './sections/common.js';
import { dataSchema, heldOutSchema, tokenizerSchema } from './sections/data.js';
import { divergenceSchema } from './sections/divergence.js';
import { matesSchema } from './sections/mates.js';
import { modelsSchema } from './sections/models.js';
import { noticesSchema } from './sections/notices.js';
import { comparisonSchema, evaluationSchema, runtimeSchema, scoringSchema, selectionSchema, workerSchema } from './sections/run.js';
import { oracleSchema } from './sections/oracle.js';
import { pretrainingSchema, warmUpSchema } from './sections/training.js';

/** Field by field; `runSchema` (config/schema.ts) holds them against each other too. */
export const runFields = z.strictObject({
  name: identifier.describe('default name of the run'),
  seeds: z.array(naturalNumber).min(1).default([0]).describe('the whole comparison is repeated for each seed'),
  rounds: positiveInteger.default(4).meta({ description: 'R, rounds of selection and pretraining', unit: 'rounds' }),
  parity: z.enum(['none', 'release']).default('none').describe('release: sets every departure of method §6 back to what the release does'),
  data: dataSchema.describe('the corpus'),
  tokenizer: tokenizerSchema.describe('how text becomes tokens'),
  heldOut: heldOutSchema.describe('validation, tuning and test sets, disjoint by document'),
  models: modelsSchema.describe('proxy and target'),
  warmUp: warmUpSchema.describe('the two warm-ups, which run at the same time'),
  bilevel: bilevelSchema.prefault({}).describe('learning the score model'),
  mates: matesSchema.optional().describe('learning influences as MATES does, for arms of selector mates, which need this section'),
  color: colorSchema.optional().describe('the fine-tune by which arms of selectors color and color-target score rows, and features of those names; its defaults where absent'),
  oracle: oracleSchema.optional().describe('the sources that arms of selector oracle keep rows of, which need this section: a ceiling for corpora whose good source is known'),
  scoring: scoringSchema.prefault({}).describe('scoring every row of the round’s group'),
  selection: selectionSchema.prefault({}).describe('keeping the best'),
  pretraining: pretrainingSchema.describe('the target on the selection'),
  evaluation: evaluationSchema.prefault({}).describe('on held-out text'),
  comparison: comparisonSchema.prefault({}).describe('the arms to compare'),
  runtime: runtimeSchema.prefault({}).describe('how tensors are computed'),
  divergence: divergenceSchema.optional().describe('numbers gone bad: what counts as bad, and what is done; loss spikes count only if there is a section spike'),
  worker: workerSchema.prefault({}).describe('timeouts and checkpoints'),
  notices: noticesSchema.optional().describe('who is told what happens to the run'),
});
export type RunConfig = z.infer<typeof runFields>;
