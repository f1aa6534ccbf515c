import { CancellationScope, condition, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { CpuActivities } from '../../activities/index.js';
import type { StageBoard } from './stage-board.js';
import { CONTROL_QUEUE } from '../types.js';

const { deviceSeconds } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '1m', retry: { initialInterval: '1s' }, summary: 'add up device time' });

/** Looking more often says nothing new: workers write their progress once a second. */
const LEAST_WAIT_SECONDS = 5;
/** Time is added up on the workers' clocks; a device that stands ready and a stage that begins make it less than it could be. */
const MOST_WAIT_SECONDS = 3_600;

/**
 * Keeps a run within its device-hours. It looks again no sooner than the rest can be spent, all running stages together, so that days cost some
 * dozens of looks.
 */
export class Budget {
  private hours: number | undefined;
  private changes = 0;

  constructor(
    private readonly run: string,
    private readonly board: StageBoard,
  ) {}

  /** @param hours undefined: no end */
  set(hours: number | undefined): void {
    this.hours = hours;
    this.changes += 1;
    this.board.budget(hours);
  }

  /** Beside the run, until the scope around it is cancelled. */
  async watch(): Promise<void> {
    try {
      for (;;) {
        await condition(() => this.hours !== undefined);
        const seen = this.changes;
        const left = (this.hours ?? Infinity) * 3_600 - (await deviceSeconds({ run: this.run }));
        if (left > 0) {
          if (this.board.steering.spent === true) this.board.resume(); // it was raised
          const wait = Math.min(MOST_WAIT_SECONDS, Math.max(LEAST_WAIT_SECONDS, left / Math.max(1, this.board.running)));
          await condition(() => this.changes > seen, `${wait}s`);
        } else {
          if (!this.board.steering.paused) await this.board.pause({ spent: true });
          // people may have paused it before, and resume it: then it is over its budget still
          await condition(() => this.changes > seen || !this.board.steering.paused);
          if (this.hours === undefined && this.board.steering.spent === true) this.board.resume();
        }
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
  }
}

/** Runs `main` with the watch beside it. */
export async function within<T>(budget: Budget, main: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope();
  const watching = scope.run(() => budget.watch());
  try {
    return await main();
  } finally {
    scope.cancel();
    await watching;
  }
}
