import { CancellationScope, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CpuActivities } from '../activities/index.js';
import type { Notice } from '../lib/notices/index.js';
import { CONTROL_QUEUE, type PipelineInput } from './types.js';

/** A receiver may be down for some minutes; a run does not fail, nor wait longer, for one that stays away. */
const { notify } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '40s', scheduleToCloseTimeout: '10m', retry: { initialInterval: '2s', backoffCoefficient: 2 }, summary: 'tell people' });

/** Sends a run's notices beside it, each until it has arrived. */
export class Notifier {
  private readonly pending = new Set<Promise<void>>();
  private told = 0;

  constructor(private readonly input: Pick<PipelineInput, 'run' | 'config'>) {}

  tell(event: Notice['event'], facts: Pick<Notice, 'stage' | 'message'> = {}): void {
    const { run, config } = this.input;
    const { notices } = config;
    if (notices === undefined || !notices.events.includes(event)) return;
    this.told += 1;
    const notice: Notice = { id: `${workflowInfo().runId}/${this.told}`, run, event, ...facts, at: new Date().toISOString() };
    for (const channel of ['webhook', 'command'] as const) {
      if (notices[channel] === undefined) continue;
      // what could not be told stands in the history; the run is not to fail for it
      const sent: Promise<void> = CancellationScope.nonCancellable(() => notify({ notices, notice, channel }))
        .catch(() => undefined)
        .finally(() => this.pending.delete(sent));
      this.pending.add(sent);
    }
  }

  /** Before the run ends: what is still on its way would be dropped. */
  async flush(): Promise<void> {
    await CancellationScope.nonCancellable(() => Promise.all(this.pending));
  }
}
