import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, ChildWorkflowFailure, ServerFailure, TimeoutFailure } from '@temporalio/common';
import type { RunOutcome } from '../runs.js';

/**
 * What went wrong, from the chain that Temporal wraps around it: pipeline → stage (child workflow) → activity → our own failure, which has the
 * error's code as its type.
 */
export function explainFailure({ run, error }: { readonly run: string; readonly error: unknown }): NonNullable<RunOutcome['failure']> {
  const chain = causes(error);
  const ours = chain.filter((each) => each instanceof ApplicationFailure).at(-1);
  const child = chain.filter((each) => each instanceof ChildWorkflowFailure).at(-1);
  const stage = child?.execution.workflowId?.slice(run.length + 1);
  const rest = stage === undefined || stage === '' ? {} : { stage };
  if (ours !== undefined) {
    const details: unknown = ours.details?.[0];
    const where = textIn(details, 'where');
    const fix = textIn(details, 'fix') ?? textIn(details, 'mend'); // as histories of earlier versions call it
    return { code: ours.type ?? 'RunFailed', message: withoutFix(withoutStage(ours.message, stage), fix), ...(where === undefined ? {} : { where }), ...(fix === undefined ? {} : { fix }), ...rest };
  }
  const last = chain.filter((each) => !(each instanceof WorkflowFailedError)).at(-1);
  const code = last instanceof TimeoutFailure ? 'TimedOut' : last instanceof ServerFailure ? 'Server' : 'RunFailed';
  return { code, message: last instanceof Error ? last.message : String(error), ...rest };
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let next = error; next !== undefined && next !== null && chain.length < 32; next = next instanceof Error ? next.cause : undefined) chain.push(next);
  return chain;
}

const withoutStage = (message: string, stage: string | undefined): string => (stage !== undefined && message.startsWith(`${stage}: `) ? message.slice(stage.length + 2) : message);

/** Temporal's UI shows one text, so the fix is in it; here it has a field of its own. */
const withoutFix = (message: string, fix: string | undefined): string => (fix !== undefined && message.endsWith(`; ${fix}`) ? message.slice(0, -fix.length - 2) : message);

function textIn(details: unknown, field: 'where' | 'fix' | 'mend'): string | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const value: unknown = Reflect.get(details, field);
  return typeof value === 'string' ? value : undefined;
}
