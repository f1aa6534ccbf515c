import { patched, upsertMemo } from '@temporalio/workflow';
import type { FailedStage } from '../lib/stages/types.js';
import { reasonOf } from './failure.js';
import type { StagePlace } from './stage.js';
import type { FailuresMemo } from './types.js';

/** Executions that began under earlier versions tell of failed stages by their own end alone. */
const FAILURES_IN_MEMO = 'failures-in-memo';

/** hundreds of rounds of failed evaluations go into one result, which the server takes up to 2 MB of */
const REASON_LENGTH = 200;
/** of which whoever describes the run sees the reason; each change writes all of them into the history */
const TOLD_IN_MEMO = 5;

/** Stages of a run that have failed for good while it goes on. */
export class FailedStages {
  private readonly failed = new Map<string, FailedStage>();

  add({ stage, seed, arm, round }: Omit<StagePlace, 'run'>, error: unknown): FailedStage {
    const failed: FailedStage = { stage, seed, arm, round, reason: shortened(withoutStage(reasonOf(error), stage)) };
    this.failed.set(stage, failed);
    const memo: FailuresMemo = { count: this.failed.size, newest: this.all.slice(-TOLD_IN_MEMO) };
    // whoever describes the run sees it, without a worker there to answer a query
    if (patched(FAILURES_IN_MEMO)) upsertMemo({ failures: { ...memo } });
    return failed;
  }

  /** in the order in which they failed */
  get all(): readonly FailedStage[] {
    return [...this.failed.values()];
  }
}

const shortened = (text: string): string => (text.length <= REASON_LENGTH ? text : `${text.slice(0, REASON_LENGTH - 1)}…`);
const withoutStage = (text: string, stage: string): string => (text.startsWith(`${stage}: `) ? text.slice(stage.length + 2) : text);
