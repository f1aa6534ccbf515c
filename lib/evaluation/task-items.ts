import type { TaskOutcome } from './evaluate-tasks.js';
import { ratio } from './held-out.js';

/** `task-items.json` of an evaluation: by task and metric, what each item gave, so that models can be compared item by item */
export type TaskItemsFile = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
export const TASK_ITEMS_FILE = 'task-items.json';

export const taskItemsFile = (outcomes: readonly TaskOutcome[]): TaskItemsFile =>
  Object.fromEntries(outcomes.map(({ task, itemMetrics }) => [task.name, Object.fromEntries(task.metrics.map((name) => [name, itemMetrics.map((item) => item[name] ?? Number.NaN)]))]));

/**
 * Standard error of the difference of two models' means over the same items: hard items are hard for both, so it is smaller than that of the two
 * apart. @throws RangeError where their numbers differ
 */
export function pairedItemsStandardError(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new RangeError('two models can be compared on the same items only');
  return ratio(a.map((value, i) => ({ sum: value - b[i], count: 1 }))).standardError;
}
