import { CancellationScope, condition, getExternalWorkflowHandle, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import { pauseStageSignal, resumeStageSignal, stagePausedSignal } from './steering.js';

/** The activities of one stage, which its pipeline may pause: they are cancelled, which saves a checkpoint, and scheduled again on resuming. */
export class Pausable {
  private paused = false;
  /** what is going on now, and whether a pause has ended it */
  private readonly attempts = new Set<{ readonly scope: CancellationScope; ended: boolean }>();

  /** @param stage how the pipeline calls it */
  constructor(stage: string) {
    setHandler(pauseStageSignal, async () => {
      this.paused = true;
      for (const attempt of this.attempts) {
        attempt.ended = true;
        attempt.scope.cancel();
      }
      await condition(() => this.attempts.size === 0 || !this.paused);
      const { parent } = workflowInfo();
      if (this.paused && parent !== undefined) await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(stagePausedSignal, stage);
    });
    setHandler(resumeStageSignal, () => {
      this.paused = false;
    });
  }

  /** @param schedule gets the number of this scheduling, from 1; what it starts ends with the scope that it is called in */
  async run<T>(schedule: (scheduling: number) => Promise<T>): Promise<T> {
    for (let scheduling = 1; ; scheduling++) {
      await condition(() => !this.paused);
      const attempt = { scope: new CancellationScope(), ended: false };
      this.attempts.add(attempt);
      try {
        return await attempt.scope.run(() => schedule(scheduling));
      } catch (error) {
        // cancelled from above as well: the whole run ends
        if (!attempt.ended || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      } finally {
        this.attempts.delete(attempt);
      }
    }
  }
}
