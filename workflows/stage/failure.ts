import { ApplicationFailure } from '@temporalio/workflow';

/** Failures of ours in a chain of causes, outermost first. */
export function ownFailures(error: unknown): ApplicationFailure[] {
  const found: ApplicationFailure[] = [];
  for (let next = error; next instanceof Error; next = next.cause) if (next instanceof ApplicationFailure) found.push(next);
  return found;
}

/** The innermost failure of ours has the stage's own words; those around it add how to go on. */
export const reasonOf = (error: unknown): string => ownFailures(error).at(-1)?.message ?? (error instanceof Error ? error.message : String(error));

export interface FailureForPeople {
  /** stage, where, what and the fix, as the stage said it */
  readonly reason: string;
  readonly run: string;
  /** code of our error */
  readonly type: string;
  readonly details: unknown[] | null | undefined;
  readonly cause: unknown;
}

/**
 * What ends a workflow, as the UI's first page shows it: reason, fix, and how to go on. A plain Error would leave the
 * workflow RUNNING and retrying.
 */
export function failureForPeople({ reason, run, type, details, cause }: FailureForPeople): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: `${reason}. When that is fixed: bliss resume ${run}`,
    type,
    nonRetryable: true,
    ...(details == null ? {} : { details }),
    ...(cause instanceof Error ? { cause } : {}),
  });
  // always this place in our own code: between the message and its causes it only hides what people look for
  failure.stack = '';
  return failure;
}
