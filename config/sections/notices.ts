import { z } from 'zod';
import { text } from './common.js';

/** Of the worker's environment a run may name these alone: others hold keys that are none of its business. */
const environmentVariable = text(/^BLISS_[A-Za-z0-9_]+$/, 'the name of an environment variable that begins with BLISS_, as BLISS_WEBHOOK');

/**
 * Whom to tell what happens to a run. Addresses, keys and programs stand in the environment of the CPU worker: a configuration is kept in histories
 * and reports, and whoever may start a workflow gives one.
 */
export const noticesSchema = z.strictObject({
  events: z
    .array(z.enum(['started', 'stage-finished', 'stage-failed', 'preempted', 'paused', 'resumed', 'failed', 'cancelled', 'done']))
    .min(1)
    .default(['stage-failed', 'paused', 'failed', 'cancelled', 'done'])
    .describe('which events are reported'),
  webhook: z
    .strictObject({
      urlVariable: environmentVariable.describe('environment variable that holds the address'),
      secretVariable: environmentVariable.optional().describe('environment variable that holds the key of the signature (header x-bliss-signature, HMAC-SHA256 of the body)'),
    })
    .optional()
    .describe('a POST of JSON: id, run, event, stage, message, at'),
  command: z
    .boolean()
    .optional()
    .meta({
      description: 'true: run the program that BLISS_NOTICE_COMMAND names where the CPU worker runs; it gets the same JSON on standard input',
      fix: `write true, and name the program where the CPU worker runs: BLISS_NOTICE_COMMAND='["/usr/local/bin/tell", "--channel", "training"]'`,
    }),
});
export type NoticesConfig = z.infer<typeof noticesSchema>;

/** As runs of earlier versions have it too: their configuration named a program and any variable. Nothing of either is used. */
export const submittedNoticesSchema = noticesSchema.extend({
  webhook: z.strictObject({ urlVariable: z.string(), secretVariable: z.string().optional() }).optional(),
  command: z.union([z.boolean(), z.array(z.string())]).optional(),
});
export type SubmittedNotices = z.infer<typeof submittedNoticesSchema>;
