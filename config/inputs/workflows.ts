import { z } from 'zod';
import { naturalNumber, positive, positiveInteger } from '../sections/common.js';
import { workerSchema } from '../sections/run.js';
import type { StageName } from '../tables/stages.js';
import { place, refSchema, runName, scope, stagePath } from './names.js';
import { failedStageSchema, forkedSchema, placeSchema, stageInputSchemas, submittedConfigSchema } from './stages.js';

/*
 * Arguments of workflows and of their signals. Whoever reaches the server may send any: what does not parse ends in one failure, and not in a task that
 * fails again for ever. The types are workflows/types.ts's and workflows/stage/stage.ts's.
 */

const steering = z.object({ paused: z.boolean(), gpuHours: positive.optional(), spent: z.boolean().optional(), stopAfterRound: positiveInteger.optional() });

export const pipelineInputSchema = z.object({
  run: runName,
  config: submittedConfigSchema,
  configFolder: place,
  scope,
  gpuHours: positive.optional(),
  known: refSchema.optional(),
  forked: forkedSchema.optional(),
  continued: steering.optional(),
  noise: z.enum(['arm', 'shared']).optional(),
  failed: z.array(failedStageSchema).optional(),
});

const ofStage = { place: placeSchema, worker: workerSchema, scope };
const shardCount = positiveInteger.max(10_000_000);
const scoringWorkflow = z.object({ ...ofStage, input: stageInputSchemas.scoring.extend({ shards: z.object({ first: naturalNumber, end: naturalNumber }).optional() }), shards: shardCount, shardsPerTask: shardCount });

/** Scoring says which shards there are, and its activities which of them each takes. */
export const stageWorkflowSchema = (name: StageName): z.ZodType => (name === 'scoring' ? scoringWorkflow : z.object({ ...ofStage, input: stageInputSchemas[name] }));

export const stagePreemptionsSchema = z.object({
  stage: stagePath,
  interruptions: z.array(z.object({ attempt: naturalNumber, code: z.string(), message: z.string(), preemption: z.string().optional() })).max(1_000),
});
