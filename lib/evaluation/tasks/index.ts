import { BlissError } from '../../errors.js';
import { arcChallenge, arcEasy } from './arc.js';
import { boolq } from './boolq.js';
import { hellaswag } from './hellaswag.js';
import { lambadaOpenai } from './lambada.js';
import { logiqa } from './logiqa.js';
import { openbookqa } from './openbookqa.js';
import { piqa } from './piqa.js';
import { sciq } from './sciq.js';
import type { Task } from './task.js';
import { winogrande } from './winogrande.js';
import { wordnet } from './wordnet.js';

const tasks: readonly Task[] = [sciq, arcEasy, arcChallenge, logiqa, openbookqa, boolq, hellaswag, piqa, winogrande, lambadaOpenai, wordnet];

/** in the order of the method's authors' table, then others */
export const TASK_NAMES: readonly string[] = tasks.map(({ name }) => name);

/** @throws BlissError Usage, with the tasks there are */
export function taskByName(name: string): Task {
  const task = tasks.find((one) => one.name === name);
  if (task === undefined) throw new BlissError({ code: 'Usage', message: `there is no task '${name}'`, fix: `name one of ${TASK_NAMES.join(', ')}` });
  return task;
}

export { isProblem, requestName, type Item, type MetricName, type Request, type Task } from './task.js';
