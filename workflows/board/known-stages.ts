import { proxyActivities } from '@temporalio/workflow';
import type { CpuActivities, KnownStage } from '../../activities/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { CONTROL_QUEUE } from '../types.js';

/*
 * A run may begin with stages that are finished: those of the run that it was forked from, or its own, of an execution whose history was full.
 */

const options = { taskQueue: CONTROL_QUEUE, startToCloseTimeout: '5m', retry: { initialInterval: '1s' } } as const;
const activities = (summary: string) => proxyActivities<CpuActivities>({ ...options, summary });

/** Everything that has finished, put into the store. */
export const { keepFinished } = activities('keep what has finished');

/** Taken out of the store again. */
export async function readKnown(known: Ref): Promise<readonly KnownStage[]> {
  const { knownStages } = activities('what has finished before');
  const all: KnownStage[] = [];
  for (let page = 0; ; page++) {
    const { stages, more } = await knownStages({ known, page });
    all.push(...stages);
    if (!more) return all;
  }
}
