import { CancellationScope, patched, proxyActivities } from '@temporalio/workflow';
import type { CpuActivities } from '../../activities/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import type { StageInputs } from '../../lib/stages/types.js';
import { allOrCancel } from './all-or-cancel.js';
import type { StageBoard } from './stage-board.js';
import { CONTROL_QUEUE } from '../types.js';

/** What brings a run's stages about, one by one: the board of a run that goes on, or a plan that only looks. */
export type StageRunner = Pick<StageBoard, 'run' | 'runOne' | 'lastRound' | 'mayBeginRound'>;

/** How stages stand to each other in time: as Temporal runs them, or one after the other in a plan. */
export interface Together {
  /** side by side; where one fails the others end */
  all<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]>;
  /** beside what comes next */
  branches(): Branches;
  /** what another run chose */
  resolveSelection(from: { readonly from: string; readonly seed: number }): Promise<Ref>;
  /** the files of zero-shot tasks are there and whole. undefined: not looked at */
  checkTasks(tasks: Required<Pick<StageInputs['evaluation'], 'tasks'>>): Promise<void> | undefined;
  /** whether a branch that has failed ends its arm at the next round */
  endsAtFailure(): boolean;
  /** whether noise of a selection is its arm's own, where the run's input does not say so: it was begun by an earlier version */
  hasNoiseOfArm(): boolean;
}
export interface Branches {
  run(branch: () => Promise<void>): Promise<void>;
  cancel(): void;
}

const control = (summary: string, startToCloseTimeout: '30s' | '10m') => proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, summary, startToCloseTimeout, retry: { initialInterval: '1s' } });
const { resolveSelection } = control('find the other run’s selection', '30s');
const { checkTasks } = control('see that the tasks’ files are there', '10m');

/** Executions that earlier versions took past a failed evaluation, or into a round unchecked, go on as they did. */
const ENDS_AT_FAILURE = 'arm-ends-at-failure';
const CHECKS_TASKS = 'tasks-checked-before-rounds';
/** Their arms share their noise. */
const NOISE_OF_ARM = 'noise-of-arm';

export const asWorkflows: Together = {
  all: allOrCancel,
  branches: () => new CancellationScope(),
  resolveSelection,
  checkTasks: (tasks) => (patched(CHECKS_TASKS) ? checkTasks(tasks) : undefined),
  endsAtFailure: () => patched(ENDS_AT_FAILURE),
  hasNoiseOfArm: () => patched(NOISE_OF_ARM),
};
