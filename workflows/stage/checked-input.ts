import { ApplicationFailure, patched, workflowInfo } from '@temporalio/workflow';
import { z } from 'zod';
import { inputFault } from '../../config/inputs/input-fault.js';
import { pipelineInputSchema, stageWorkflowSchema } from '../../config/inputs/workflows.js';
import type { StageName } from '../../lib/stages/types.js';
import type { StageWorkflowInput } from './stage.js';
import type { PipelineInput } from '../types.js';

/** Executions that earlier versions began go on with what they began with. */
const INPUTS_PARSED = 'inputs-parsed';

// each schema parses once in a workflow's life: compiling it first would cost more
z.config({ jitless: true });

/**
 * Ends a workflow whose argument is not one of its schema. The server takes any from whoever reaches it; without this the workflow's task would fail
 * again and again, and what the argument names would be looked for.
 * @throws ApplicationFailure Usage, for good
 */
export function requireRunInput(input: PipelineInput): void {
  if (!patched(INPUTS_PARSED)) return;
  hold('the workflow of a run', pipelineInputSchema, input);
  requireId(input.run);
}

/** As `requireRunInput`. */
export function requireStageInput<Name extends StageName>(name: Name, input: StageWorkflowInput<Name>): void {
  if (!patched(INPUTS_PARSED)) return;
  hold(`the workflow of a ${name} stage`, stageWorkflowSchema(name), input);
  const { run, stage } = input.place;
  requireId(`${run}/${stage}`);
}

function hold(what: string, schema: z.ZodType, input: unknown): void {
  const fault = inputFault(schema, input);
  if (fault !== undefined) throw notOurs(`the argument of ${what} is none that bliss gives: ${fault}`);
}

/** The server keeps ids apart while their workflows are open: no second workflow writes into a run's folder, or fences off its stages. */
function requireId(expected: string): void {
  const { workflowId } = workflowInfo();
  if (workflowId !== expected) throw notOurs(`the workflow of ${expected} has its name as its id, this one has another`);
}

function notOurs(message: string): ApplicationFailure {
  const failure = ApplicationFailure.create({ message: `${message}; start runs by \`bliss run\``, type: 'Usage', nonRetryable: true, details: [{ fix: 'start runs by `bliss run`' }] });
  failure.stack = ''; // always this place
  return failure;
}
