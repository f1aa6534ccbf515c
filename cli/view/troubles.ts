import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Session } from '../session.js';

/** An activity of a run that has failed and is tried again. */
export interface Trouble {
  /** null: of the run itself */
  readonly stage: string | null;
  readonly activity: string;
  /** tries so far */
  readonly failed: number;
  /** of our error, else of Temporal's */
  readonly code: string;
  readonly message: string;
}

type Described = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>;
type PendingActivity = NonNullable<Described['raw']['pendingActivities']>[number];

const { PendingActivityState, TimeoutType } = proto.temporal.api.enums.v1;

/**
 * What keeps failing in an open run, as its server has it: nobody else knows of an activity whose workers are lost, or that fails before its stage
 * begins. Stages that are being tried again tell of it themselves.
 */
export async function troublesOf({ client }: Pick<Session, 'client'>, run: string): Promise<readonly Trouble[]> {
  const { raw } = await client.workflow.getHandle(run).describe();
  const stages = (raw.pendingChildren ?? []).flatMap(({ workflowId, runId }) => (workflowId == null || runId == null ? [] : [{ workflowId, runId }]));
  const ofStages = await Promise.all(
    stages.map(async ({ workflowId, runId }) => {
      const described = await client.workflow.getHandle(workflowId, runId).describe().catch(() => undefined); // it has ended meanwhile
      return (described?.raw.pendingActivities ?? []).flatMap((activity) => troubleOf(activity, workflowId.slice(run.length + 1)));
    }),
  );
  return [...(raw.pendingActivities ?? []).flatMap((activity) => troubleOf(activity, null)), ...ofStages.flat()];
}

function troubleOf({ activityType, attempt, state, lastFailure, heartbeatDetails }: PendingActivity, stage: string | null): Trouble[] {
  const failed = (attempt ?? 1) - 1;
  if (failed < 1 || lastFailure == null) return [];
  // what beats is at work again, and says in the stage's progress what ended the attempt before
  if (state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED && heartbeatDetails != null) return [];
  const { applicationFailureInfo: ours, timeoutFailureInfo: timeout, message } = lastFailure;
  const told = { stage, activity: activityType?.name ?? '?', failed };
  if (timeout == null) return [{ ...told, code: ours?.type ?? 'Error', message: message ?? '' }];
  const why = timeout.timeoutType === TimeoutType.TIMEOUT_TYPE_HEARTBEAT ? 'its worker sent no heartbeat any more: it was killed, cut off or stood still' : 'it did not end within its time';
  return [{ ...told, code: 'TimedOut', message: why }];
}
