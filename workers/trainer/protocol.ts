import { z } from 'zod';
import { STAGE_NAMES } from '../../config/tables/stages.js';

/**
 * What a worker and its trainer child say to each other over IPC. Both sides parse what they hear: a child of another
 * build is refused by name instead of misunderstood.
 */
const refSchema = z.strictObject({ uri: z.string(), sha256: z.string(), size: z.number(), digest: z.string() });

const taskSchema = z.strictObject({
  name: z.enum(STAGE_NAMES),
  run: z.string(),
  stage: z.string(),
  /** held against the stage's schema by the activity that sends it; JSON here */
  input: z.unknown(),
  fencingToken: z.strictObject({ epoch: z.number().int(), attempt: z.number().int() }),
  scope: z.string(),
  keepCheckpoints: z.number().int(),
  keepCheckpointsEvery: z.number().int().optional(),
});

export const toTrainer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('start'), task: taskSchema, home: z.string() }),
  z.strictObject({ type: z.literal('stop'), reason: z.string() }),
  /** the worker lives; a trainer that does not hear it for `aliveTimeout` ends itself */
  z.strictObject({ type: z.literal('alive') }),
]);
export type ToTrainer = z.infer<typeof toTrainer>;

export const fromTrainer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready'), pid: z.number() }),
  z.strictObject({
    type: z.literal('progress'),
    step: z.number(),
    of: z.number(),
    atMost: z.boolean().optional(),
    amount: z.strictObject({ value: z.number(), unit: z.enum(['rows', 'tokens']) }).optional(),
    metrics: z.record(z.string(), z.number().nullable()),
    dataWait: z.strictObject({ seconds: z.number(), of: z.number() }).optional(),
  }),
  z.strictObject({ type: z.literal('phase'), phase: z.string() }),
  z.strictObject({ type: z.literal('checkpoint'), step: z.number(), bytes: z.number(), seconds: z.number() }),
  z.strictObject({ type: z.literal('event'), name: z.string(), detail: z.string() }),
  z.strictObject({ type: z.literal('note'), text: z.string() }),
  z.strictObject({
    type: z.literal('done'),
    result: z.strictObject({ ref: refSchema, summary: z.record(z.string(), z.unknown()), cached: z.boolean() }),
  }),
  z.strictObject({
    type: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    fix: z.string().optional(),
    retryable: z.boolean(),
    stack: z.string().optional(),
  }),
]);
export type FromTrainer = z.infer<typeof fromTrainer>;

/** seconds without an `alive` after which a trainer ends itself; the worker says it every second */
export const ALIVE_TIMEOUT_SECONDS = 30;
