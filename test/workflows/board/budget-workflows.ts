import { sleep } from '@temporalio/workflow';
import { Budget, within } from '../../../workflows/board/budget.js';
import type { StageBoard } from '../../../workflows/board/stage-board.js';
import type { Steering } from '../../../workflows/types.js';

/** A run whose device-hours are long spent, paused by people when it gets its budget. Tells what the budget did, in order. */
export async function spentWhilePaused(): Promise<string[]> {
  const told: string[] = [];
  let steering: Steering = { paused: true };
  const board: Pick<StageBoard, 'steering' | 'running' | 'pause' | 'resume' | 'budget'> = {
    get steering() {
      return steering;
    },
    running: 1,
    pause: async (how) => {
      told.push('paused');
      return (steering = { ...steering, paused: true, spent: how?.spent === true });
    },
    resume: () => {
      told.push('resumed');
      return (steering = { ...steering, paused: false, spent: false });
    },
    budget: () => undefined,
  };
  const budget = new Budget('run', board as StageBoard); // all that a budget asks of it
  budget.set(1);
  await within(budget, async () => {
    await sleep(1_500);
    told.push('people resume it');
    steering = { paused: false };
    await sleep(1_500);
    told.push('the budget is lifted');
    budget.set(undefined);
    await sleep(1_500);
  });
  return told;
}

/** A run of so many device-hours, with so many stages on devices, for so long. */
export async function withinBudget({ run, hours, running, seconds }: { readonly run: string; readonly hours: number; readonly running: number; readonly seconds: number }): Promise<void> {
  const board: Pick<StageBoard, 'steering' | 'running' | 'budget'> = { steering: { paused: false }, running, budget: () => undefined };
  const budget = new Budget(run, board as StageBoard);
  budget.set(hours);
  await within(budget, () => sleep(seconds * 1_000));
}
