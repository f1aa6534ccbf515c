import { WorkflowNotFoundError, type WorkflowExecutionStatusName } from '@temporalio/client';
import type { Home } from '../../lib/home.js';
import { saveHistories } from '../../workers/history.js';
import type { FailuresMemo, PipelineResult, Steering } from '../../workflows/types.js';
import { explainFailure } from './failure.js';
import { readOutcome, writeJson, type RunOutcome } from '../runs.js';
import type { Session } from '../session.js';

export type Settled = { readonly kind: 'open'; readonly paused: boolean; /** the pause is since its budget is spent */ readonly spent: boolean; /** of stages, while it goes on */ readonly failures?: FailuresMemo } | { readonly kind: 'missing' } | { readonly kind: 'closed'; readonly outcome: RunOutcome };

/** A lost connection shows within this time; the server's own answer takes milliseconds. */
const CALL_TIMEOUT_MS = 4_000;

const CLOSED: Partial<Record<WorkflowExecutionStatusName, RunOutcome['state']>> = {
  COMPLETED: 'done',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};

/**
 * What the server says of a run. The first to see it closed writes down how it ended and keeps its histories, so that both outlive the server.
 * @throws ServiceError where the server does not answer
 */
export async function settle({ session, home, run }: { readonly session: Session; readonly home: Home; readonly run: string }): Promise<Settled> {
  const folder = home.run(run);
  const known = readOutcome(folder);
  if (known !== undefined) return { kind: 'closed', outcome: known };
  const handle = session.client.workflow.getHandle(run);
  let description: Awaited<ReturnType<typeof handle.describe>>;
  try {
    description = await session.connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () => handle.describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { kind: 'missing' };
    throw error;
  }
  const state = CLOSED[description.status.name];
  if (state === undefined) {
    const { memo } = description;
    const failures = noted<FailuresMemo>(memo, 'failures');
    const steering = noted<Steering>(memo, 'steering');
    return { kind: 'open', paused: steering?.paused === true, spent: steering?.spent === true, ...(failures === undefined ? {} : { failures }) };
  }
  const outcome: RunOutcome = {
    state,
    finishedAt: (description.closeTime ?? new Date()).toISOString(),
    ...(await ending(run, () => handle.result() as Promise<PipelineResult>)), // the workflow of this id is our pipeline
  };
  await saveHistories({ client: session.client, run, folder });
  writeJson(folder.outcome, outcome);
  return { kind: 'closed', outcome };
}

/** as the pipeline notes it */
const noted = <T>(memo: Readonly<Record<string, unknown>> | undefined, name: 'steering' | 'failures'): T | undefined => memo?.[name] as T | undefined;

async function ending(run: string, result: () => Promise<PipelineResult>): Promise<Pick<RunOutcome, 'result' | 'failure'>> {
  try {
    return { result: await result() };
  } catch (error) {
    return { failure: explainFailure({ run, error }) };
  }
}
