import { existsSync } from 'node:fs';
import path from 'node:path';
import { nearest } from '../../config/nearest.js';
import { BlissError } from '../../lib/errors.js';
import { findTaskTable, isFolder, TASK_NAMES, type Task } from '../../lib/evaluation/index.js';
import type { EvalJob } from './job.js';

export interface FindTaskFiles {
  readonly tasks: readonly Task[];
  /** folders, and `TASK=FILE` for single tasks */
  readonly data: readonly string[];
  /** where relative paths start */
  readonly cwd: string;
}

/**
 * Where the items of each task are: what was named for it, as it was written, else the task's own, else the first folder that has them.
 * @throws BlissError Usage, DataInvalid
 */
export async function findTaskFiles({ tasks, data, cwd }: FindTaskFiles): Promise<EvalJob['tasks']> {
  const named = new Map<string, string>();
  const folders: string[] = [];
  for (const value of data) {
    const one = taskAndFile(value);
    if (one === undefined) folders.push(await requireFolder(value, cwd));
    else if (!tasks.some((task) => task.name === one.task)) throw usage(`${one.task} is none of the tasks`, `name it in --tasks too, or leave ${value} out`);
    else if (named.has(one.task)) throw usage(`${one.task} is named twice`, `name its files once, with a glob where there are several`);
    else named.set(one.task, one.file);
  }
  const found: EvalJob['tasks'][number][] = [];
  for (const task of tasks) {
    const file = named.get(task.name) ?? (task.own === undefined ? await inFolders(task, folders) : undefined);
    found.push({ name: task.name, ...(file === undefined ? {} : { path: file }) });
  }
  return found;
}

/** `piqa=FILE`; anything else is a folder, whatever `=` its name has: `date=2024`, `./piqa=2024`. */
function taskAndFile(value: string): { readonly task: string; readonly file: string } | undefined {
  const at = value.indexOf('=');
  const task = value.slice(0, Math.max(at, 0));
  return TASK_NAMES.includes(task) ? { task, file: value.slice(at + 1) } : undefined;
}

/** @throws BlissError Usage */
async function requireFolder(value: string, cwd: string): Promise<string> {
  const folder = path.resolve(cwd, value);
  if (await isFolder(folder)) return folder;
  if (existsSync(folder)) throw usage(`${folder} is no folder`, `say which task its items are of: --data TASK=${value}`);
  const [before] = value.split('=', 1);
  const near = before === value ? undefined : nearest(before, TASK_NAMES);
  const noTask = before === value ? '' : `, and ${before} is no task`;
  throw usage(`there is no folder ${folder}${noTask}`, near === undefined ? `check the path${noTask === '' ? '' : `; tasks are ${TASK_NAMES.join(', ')}`}` : `did you mean ${near}=${value.slice(before.length + 1)}?`);
}

async function inFolders(task: Task, folders: readonly string[]): Promise<readonly string[]> {
  for (const folder of folders) {
    const files = await findTaskTable({ task, folder, field: '--data' });
    if (files.length > 0) return files;
  }
  const { name, split, dataset } = task;
  const looked = folders.length === 0 ? 'no folder is given' : `in ${folders.join(', ')} there is none of ${name}.jsonl, ${name}-${split}.jsonl, ${name}/**/${split}*.jsonl, nor of .jsonl.gz, .jsonl.zst, .parquet`;
  throw new BlissError({ code: 'DataInvalid', where: '--data', message: `the items of ${name} are not found: ${looked}`, fix: `get split ${split} of ${dataset} from the hub, and name it: --data ${name}=FILE` });
}

const usage = (message: string, fix: string): BlissError => new BlissError({ code: 'Usage', where: '--data', message, fix });
