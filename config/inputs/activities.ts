import { z } from 'zod';
import { naturalNumber, positive, positiveInteger } from '../sections/common.js';
import { noticesSchema, submittedNoticesSchema } from '../sections/notices.js';
import { otherSelection } from '../sections/other-selection.js';
import { STAGE_NAMES, STAGES, type StageName } from '../tables/stages.js';
import { refSchema, runName, scope, stagePath } from './names.js';
import { finishedStageSchema, stageInputSchemas } from './stages.js';

/*
 * Inputs of activities: whoever reaches the server may begin a workflow that asks for one with anything.
 */

const ofStage = <Input extends z.ZodType>(input: Input) =>
  z.object({ run: runName, stage: stagePath, input, epoch: positiveInteger, scope, keepCheckpoints: positiveInteger, keepCheckpointsEvery: naturalNumber.optional(), compileTimeout: positive });

/** A stage's activity takes the stage's input. */
type OfStages = { readonly [Name in StageName as (typeof STAGES)[Name]['activity']]: ReturnType<typeof ofStage<InputSchema<Name>>> };
type InputSchema<Name extends StageName> = (typeof stageInputSchemas)[Name] extends infer Schema extends z.ZodType ? Schema : never;
const byActivity: Readonly<Record<string, z.ZodType>> = Object.fromEntries(STAGE_NAMES.map((name) => [STAGES[name].activity, ofStage(stageInputSchemas[name])]));

/** By the activity's name. */
export const activityInputSchemas = {
  ...(byActivity as OfStages), // the table's names, each with its stage's schema

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
