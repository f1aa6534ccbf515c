import type { TaskName } from '../../../config/tables/tasks.js';
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

const byName: { readonly [Name in TaskName]: Task<Name> } = {
  sciq,
  arc_easy: arcEasy,
  arc_challenge: arcChallenge,
  logiqa,
  openbookqa,
  boolq,
  hellaswag,
  piqa,
  winogrande,
  lambada_openai: lambadaOpenai,
  wordnet,
};
const tasks: readonly Task[] = Object.values(byName);

/** in the order of the method's authors' table, then others */
export const TASK_NAMES: readonly string[] = tasks.map(({ name }) => name);

/** @throws BlissError Usage, with the tasks there are */
export function taskByName(name: string): Task {
  const task = tasks.find((one) => one.name === name);
  if (task === undefined) throw new BlissError({ code: 'Usage', message: `there is no task '${name}'`, fix: `name one of ${TASK_NAMES.join(', ')}` });
  return task;
}

export { isProblem, requestName, type Item, type MetricName, type Request, type Task } from './task.js';
