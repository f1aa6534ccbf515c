import { CancellationScope, defineSignal, log, proxyActivities, setHandler } from '@temporalio/workflow';
import type { CpuActivities } from '../../activities/index.js';
import type { StagePreemptions } from '../../activities/preemptions.js';
import { inputFault } from '../../config/inputs/input-fault.js';
import { stagePreemptionsSchema } from '../../config/inputs/workflows.js';
import type { Notifier } from './notifier.js';
import { CONTROL_QUEUE } from '../types.js';

/** From the watch to its run. */
export const preemptedSignal = defineSignal<[StagePreemptions]>('preempted');

/** It goes on as long as the run; a watch that is lost with its worker begins anew on another. */
const { watchPreemptions } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '365 days', heartbeatTimeout: '20s', retry: { initialInterval: '5s', backoffCoefficient: 1 }, cancellationType: 'TRY_CANCEL', summary: 'watch for preemptions' });

/** Runs `main`; who wants to know of preemptions meanwhile is told when they happen, and not when their stage ends. */
export async function tellingPreemptions<T>(notifier: Notifier, main: () => Promise<T>): Promise<T> {
  if (!notifier.tells('preempted')) return main();
  setHandler(preemptedSignal, (told) => {
    const fault = inputFault(stagePreemptionsSchema, told);
    if (fault === undefined) return notifier.preempted(told.stage, told.interruptions);
    log.warn(`a signal that is none of the watch's is passed over: ${fault}`); // thrown, it would fail the run's task again and again
  });
  const scope = new CancellationScope();
  const watching = scope.run(watchPreemptions).catch(() => undefined); // a run does not fail for it
  try {
    return await main();
  } finally {
    scope.cancel();
    await watching;
  }
}
