import { ApplicationFailure, patched } from '@temporalio/workflow';
import { z } from 'zod';
import { inputFault } from '../config/inputs/input-fault.js';
import { stageWorkflowSchema } from '../config/inputs/workflows.js';
import type { StageName } from '../lib/stages/types.js';

/** Executions that earlier versions began go on with what they began with. */
const INPUTS_PARSED = 'inputs-parsed';

// each schema parses once in a workflow's life: compiling it first would cost more
z.config({ jitless: true });

/**
 * Ends a workflow whose argument is not one of its schema. The server takes any from whoever reaches it; without this the workflow's task would fail
 * again and again, and what the argument names would be looked for.
 * @throws ApplicationFailure Usage, for good
 */
export function requireInput({ what, schema, input }: { readonly what: string; readonly schema: z.ZodType; readonly input: unknown }): void {
  if (!patched(INPUTS_PARSED)) return;
  const fault = inputFault(schema, input);
  if (fault !== undefined) throw notOurs(`the argument of ${what} is none that bliss gives: ${fault}`);
}

export function requireStageInput(name: StageName, input: unknown): void {
  requireInput({ what: `the workflow of a ${name} stage`, schema: stageWorkflowSchema(name), input });
}

export function notOurs(message: string): ApplicationFailure {
  const failure = ApplicationFailure.create({ message: `${message}; start runs by \`bliss run\``, type: 'Usage', nonRetryable: true, details: [{ mend: 'start runs by `bliss run`' }] });
  failure.stack = ''; // always this place
  return failure;
}
