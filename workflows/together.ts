import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { CpuActivities } from '../activities/index.js';
import type { Ref } from '../lib/artifacts/types.js';
import { allOrCancel } from './all-or-cancel.js';
import type { StageBoard } from './stage-board.js';
import { CONTROL_QUEUE } from './types.js';

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
}
export interface Branches {
  run(branch: () => Promise<void>): Promise<void>;
  cancel(): void;
}

const { resolveSelection } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, summary: 'find the other run’s selection', startToCloseTimeout: '30s', retry: { initialInterval: '1s' } });

export const asWorkflows: Together = { all: allOrCancel, branches: () => new CancellationScope(), resolveSelection };
