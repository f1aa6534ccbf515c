import { z } from 'zod';
import { text } from './common.js';

const environmentVariable = text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable, as BLISS_WEBHOOK');

/** Whom to tell what happens to a run. Addresses and keys stand in the environment of the CPU worker: a configuration is kept in histories and reports. */
export const noticesSchema = z.strictObject({
  events: z
    .array(z.enum(['started', 'stage-finished', 'stage-failed', 'preempted', 'paused', 'resumed', 'failed', 'cancelled', 'done']))
    .min(1)
    .default(['stage-failed', 'paused', 'failed', 'cancelled', 'done'])
    .describe('what is told'),
  webhook: z
    .strictObject({
      urlVariable: environmentVariable.describe('environment variable that holds the address'),
      secretVariable: environmentVariable.optional().describe('environment variable that holds the key of the signature (header x-bliss-signature, HMAC-SHA256 of the body)'),
    })
    .optional()
    .describe('a POST of JSON: id, run, event, stage, message, at'),
  command: z.array(z.string().min(1)).min(1).optional().describe('a program and its arguments; gets the same JSON on standard input'),
});
export type NoticesConfig = z.infer<typeof noticesSchema>;
