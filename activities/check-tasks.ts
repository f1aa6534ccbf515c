import { readItems, taskByName } from '../lib/evaluation/index.js';
import type { StageInputs } from '../lib/stages/types.js';

/** Before a round is trained: what its evaluation is to read. */
export const createTaskActivities = () => ({
  /** Files may have gone or been written anew since the run began. @throws BlissError DataInvalid, DataCorrupt */
  checkTasks: async ({ tasks: { of: tasks, folder } }: Required<Pick<StageInputs['evaluation'], 'tasks'>>): Promise<void> => {
    for (const [i, { name, path: at, limit }] of tasks.entries()) await readItems({ task: taskByName(name), path: at, folder, limit, field: `evaluation.tasks[${i}].path` });
  },
});
