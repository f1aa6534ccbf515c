import { z } from 'zod';
import { naturalNumber, positive, positiveInteger } from '../sections/common.js';
import { noticesSchema, submittedNoticesSchema } from '../sections/notices.js';
import { otherSelection } from '../sections/other-selection.js';
import { refSchema, runName, scope, stagePath } from './names.js';
import { finishedStageSchema, stageInputSchemas } from './stages.js';

/*
 * Inputs of activities: whoever reaches the server may begin a workflow that asks for one with anything.
 */

const ofStage = <Input extends z.ZodType>(input: Input) =>
  z.object({ run: runName, stage: stagePath, input, epoch: positiveInteger, scope, keepCheckpoints: positiveInteger, keepCheckpointsEvery: naturalNumber.optional(), compileTimeout: positive });

/** By the activity's name. */
export const activityInputSchemas = {
  prepareCorpus: ofStage(stageInputSchemas.prepare),
  selectRows: ofStage(stageInputSchemas.selection),
  importWeights: ofStage(stageInputSchemas.importing),
  train: ofStage(stageInputSchemas.training),
  learnScores: ofStage(stageInputSchemas.bilevel),
  weighNgrams: ofStage(stageInputSchemas.lexical),
  learnInfluence: ofStage(stageInputSchemas.mates),
  scoreShards: ofStage(stageInputSchemas.scoring),
  evaluate: ofStage(stageInputSchemas.evaluation),
  writeReport: ofStage(stageInputSchemas.report),

  claimEpoch: z.object({ run: runName, stage: stagePath, claimant: z.string().min(1).max(400) }),
  keepFinished: z.object({ run: runName, known: refSchema.nullable(), stages: z.array(finishedStageSchema), order: z.array(stagePath) }),
  knownStages: z.object({ known: refSchema, page: naturalNumber }),
  presentRun: z.object({ run: runName, report: refSchema }),
  deviceSeconds: z.object({ run: runName }),
  resolveSelection: z.object({ from: z.string().refine((from) => otherSelection(from) !== undefined, 'RUN/round-N'), seed: naturalNumber }),
  checkTasks: z.object({ tasks: stageInputSchemas.evaluation.shape.tasks.unwrap() }),
  notify: z.object({
    notices: submittedNoticesSchema,
    notice: z.object({ id: z.string().max(1_000), run: runName, event: noticesSchema.shape.events.unwrap().element, stage: stagePath.optional(), message: z.string().optional(), at: z.string().max(40) }),
    channel: z.enum(['webhook', 'command']),
  }),
  watchPreemptions: z.undefined(),
};
