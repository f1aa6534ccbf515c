import { proxyActivities } from '@temporalio/workflow';
import { CONTROL_QUEUE } from '../../workflows/types.js';

export * from '../../workflows/index.js';

/** Asks for any activity with anything, as whoever reaches a server may write a workflow that does. */
export async function ask({ activity, input }: { readonly activity: string; readonly input: unknown }): Promise<unknown> {
  const activities = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '20s', scheduleToCloseTimeout: '20s' });
  return activities[activity](input);
}
