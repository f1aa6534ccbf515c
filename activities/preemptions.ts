import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { interruptionsBefore, type HeartbeatDetails, type Interruption } from './interruptions.js';

/** Preemptions of one stage. */
export interface StagePreemptions {
  /** `seed-0/bliss/round-1/bilevel` */
  readonly stage: string;
  readonly interruptions: readonly Interruption[];
}

/** soon enough for whoever is told; a look costs the server a description of the run and of each stage that goes on */
const LOOK_EVERY = '5s';

/** Sees preemptions from outside the machines that they take: a run hears of its stages' ends only, and those may be days away. */
export const createPreemptionActivities = () => ({
  /** Signals the preemptions of a run's stages to it, while it goes on; one that it was told of before this attempt is told again, and has its id. */
  watchPreemptions: async (): Promise<void> => {
    const { client, info, heartbeat, sleep } = Context.current();
    const { workflowExecution } = info;
    if (workflowExecution === undefined) throw new Error('nothing to watch: no workflow has scheduled this');
    const { workflowId: run, runId } = workflowExecution;
    const told = new Set<string>();
    for (;;) {
      heartbeat();
      for (const { stage, interruptions } of await openStages(client, run, runId)) {
        const unheard = interruptions.filter(({ preemption }) => preemption !== undefined && !told.has(preemption));
        if (unheard.length === 0) continue;
        await client.workflow.getHandle(run, runId).signal<[StagePreemptions]>('preempted', { stage, interruptions: unheard });
        for (const { preemption } of unheard) if (preemption !== undefined) told.add(preemption);
      }
      await sleep(LOOK_EVERY);
    }
  },
});

/** The run's stages that go on, with what has interrupted those of their activities that are not through. */
async function openStages(client: Client, run: string, runId: string): Promise<StagePreemptions[]> {
  const { raw } = await client.workflow.getHandle(run, runId).describe();
  const children = (raw.pendingChildren ?? []).map(({ workflowId, runId: childRunId }) => ({ workflowId: workflowId ?? '', runId: childRunId ?? '' }));
  return Promise.all(
    children.map(async (child) => {
      const description = await client.workflow.getHandle(child.workflowId, child.runId).describe();
      return { stage: child.workflowId.slice(`${run}/`.length), interruptions: (description.raw.pendingActivities ?? []).flatMap(interruptionsOf) };
    }),
  );
}

type Described = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>;
type PendingActivity = NonNullable<Described['raw']['pendingActivities']>[number];

/** From its heartbeats: those of an attempt that has ended stay until the next one sends its own. */
function interruptionsOf({ attempt, heartbeatDetails }: PendingActivity): readonly Interruption[] {
  const payload = heartbeatDetails?.payloads?.[0];
  if (payload == null || attempt == null) return [];
  const details = defaultPayloadConverter.fromPayload<HeartbeatDetails>(payload);
  return details.attempt < attempt ? interruptionsBefore(details) : details.interruptions;
}
