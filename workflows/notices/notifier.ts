import { ActivityFailure, CancellationScope, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CpuActivities, Interruption } from '../../activities/index.js';
import type { Notice } from '../../lib/notices/index.js';
import { CONTROL_QUEUE, type PipelineInput } from '../types.js';

/** A receiver may be down for some minutes; a run does not fail, nor wait longer, for one that stays away. */
const { notify } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '40s', scheduleToCloseTimeout: '10m', retry: { initialInterval: '2s', backoffCoefficient: 2 }, summary: 'tell people' });

/** Sends a run's notices beside it, each until it has arrived. */
export class Notifier {
  private readonly pending = new Set<Promise<void>>();
  private readonly preemptions = new Set<string>();
  private told = 0;
  /** of the newest notice, ms since 1970: what happens in one task of the workflow has one time, and the order of two notices is that of their times */
  private newest = 0;

  /** why the newest notice that did not arrive did not */
  undelivered: string | undefined;

  constructor(private readonly input: Pick<PipelineInput, 'run' | 'config'>) {}

  tells(event: Notice['event']): boolean {
    return this.input.config.notices?.events.includes(event) === true;
  }

  /** Each once, whether the watch hears of it first or the stage ends before. */
  preempted(stage: string, interruptions: readonly Interruption[]): void {
    for (const { preemption, message } of interruptions) {
      if (preemption === undefined || this.preemptions.has(preemption)) continue;
      this.preemptions.add(preemption);
      this.tell('preempted', { stage, message, id: preemption });
    }
  }

  tell(event: Notice['event'], { id, ...facts }: Partial<Pick<Notice, 'id' | 'stage' | 'message'>> = {}): void {
    const { run, config } = this.input;
    const { notices } = config;
    if (notices === undefined || !this.tells(event)) return;
    if (id === undefined) this.told += 1;
    this.newest = Math.max(Date.now(), this.newest + 1);
    const notice: Notice = { id: id ?? `${workflowInfo().runId}/${this.told}`, run, event, ...facts, at: new Date(this.newest).toISOString() };
    for (const channel of ['webhook', 'command'] as const) {
      if (notices[channel] === undefined || notices[channel] === false) continue;
      // what could not be told stands in the history and in the run's details; the run is not to fail for it
      const sent: Promise<void> = CancellationScope.nonCancellable(() => notify({ notices, notice, channel }))
        .catch((error: unknown) => {
          const cause = error instanceof ActivityFailure ? error.cause : error;
          this.undelivered = cause instanceof Error ? cause.message : String(cause);
        })
        .finally(() => this.pending.delete(sent));
      this.pending.add(sent);
    }
  }

  /** Before the run ends: what is still on its way would be dropped. */
  async flush(): Promise<void> {
    await CancellationScope.nonCancellable(() => Promise.all(this.pending));
  }
}
