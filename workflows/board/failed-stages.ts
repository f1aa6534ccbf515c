import { ApplicationFailure, patched, upsertMemo } from '@temporalio/workflow';
import type { FailedStage } from '../../lib/stages/types.js';
import { reasonOf, type StagePlace } from '../stage/index.js';
import type { FailuresMemo } from '../types.js';

/** Executions that began under earlier versions tell of failed stages by their own end alone. */
const FAILURES_IN_MEMO = 'failures-in-memo';

/** hundreds of rounds of failed evaluations go into one result, which the server takes up to 2 MB of */
const REASON_LENGTH = 200;
/** of which whoever describes the run sees the reason; each change writes all of them into the history */
const TOLD_IN_MEMO = 5;

/** Stages of a run that have failed for good while it goes on. */
export class FailedStages {
  private readonly failed = new Map<string, FailedStage>();

  /** @param before of executions that this one goes on for */
  constructor(private readonly before: readonly FailedStage[] = []) {
    for (const failed of before) this.failed.set(failed.stage, failed);
    if (before.length > 0) this.showInMemo();
  }

  /** What a stage failed with in an execution before: for good, so that it is not begun again. */
  failureBefore(stage: string): ApplicationFailure | undefined {
    const failed = this.before.find((one) => one.stage === stage);
    return failed === undefined ? undefined : ApplicationFailure.create({ message: failed.reason, type: 'StageFailed', nonRetryable: true });
  }

  add({ stage, seed, arm, round }: Omit<StagePlace, 'run'>, error: unknown): FailedStage {
    const failed: FailedStage = { stage, seed, arm, round, reason: shortened(withoutStage(reasonOf(error), stage)) };
    this.failed.set(stage, failed);
    if (patched(FAILURES_IN_MEMO)) this.showInMemo();
    return failed;
  }

  has(stage: string): boolean {
    return this.failed.has(stage);
  }

  /** whoever describes the run sees it, without a worker there to answer a query */
  private showInMemo(): void {
    const memo: FailuresMemo = { count: this.failed.size, newest: this.all.slice(-TOLD_IN_MEMO) };
    upsertMemo({ failures: { ...memo } });
  }

  /** in the order in which they failed */
  get all(): readonly FailedStage[] {
    return [...this.failed.values()];
  }
}

const shortened = (text: string): string => (text.length <= REASON_LENGTH ? text : `${text.slice(0, REASON_LENGTH - 1)}…`);
const withoutStage = (text: string, stage: string): string => (text.startsWith(`${stage}: `) ? text.slice(stage.length + 2) : text);
