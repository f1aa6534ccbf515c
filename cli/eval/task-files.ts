import path from 'node:path';
import { resolveFiles } from '../../lib/data/sources/index.js';
import { BlissError } from '../../lib/errors.js';
import type { Task } from '../../lib/evaluation/index.js';
import type { EvalJob } from './job.js';

/** how the files of a split begin, as the hub and the data sets' authors name them */
const SPLIT_NAMES: Record<Task['split'], readonly string[]> = { validation: ['val', 'dev'], test: ['test'] };
const ENDINGS = ['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'];

export interface FindTaskFiles {
  readonly tasks: readonly Task[];
  /** folders, and `TASK=FILE` for single tasks */
  readonly data: readonly string[];
  /** where relative paths start */
  readonly cwd: string;
}

/**
 * Where the items of each task are: the file that was named for it, else the task's own, else the first of a folder that is called like it.
 * @throws BlissError Usage, DataInvalid
 */
export async function findTaskFiles({ tasks, data, cwd }: FindTaskFiles): Promise<EvalJob['tasks']> {
  const named = new Map<string, string>();
  const folders: string[] = [];
  for (const value of data) {
    const [name, file] = splitOnce(value);
    if (file === undefined) folders.push(path.resolve(cwd, value));
    else if (tasks.some((task) => task.name === name)) named.set(name, path.resolve(cwd, file));
    else throw new BlissError({ code: 'Usage', where: '--data', message: `${name} is none of the tasks`, mend: `name it in --tasks too, or leave ${value} out` });
  }
  const found: EvalJob['tasks'][number][] = [];
  for (const task of tasks) {
    const file = named.get(task.name) ?? (task.own === undefined ? await inFolders(task, folders) : undefined);
    found.push({ name: task.name, ...(file === undefined ? {} : { path: file }) });
  }
  return found;
}

async function inFolders(task: Task, folders: readonly string[]): Promise<string> {
  const patterns = patternsOf(task);
  for (const folder of folders) {
    for (const pattern of patterns) {
      const files = await resolveFiles({ paths: [pattern], format: 'auto', folder, field: '--data' }).catch(nothing);
      if (files.length > 0) return path.join(folder, pattern);
    }
  }
  const [bare] = ENDINGS;
  const shown = patterns.filter((pattern) => pattern.endsWith(`.${bare}`)).map((pattern) => pattern.slice(0, -bare.length - 1));
  const looked = folders.length === 0 ? 'no folder is given' : `in ${folders.join(', ')} there is none of ${shown.join(', ')} with .${ENDINGS.join(', .')}`;
  throw new BlissError({ code: 'DataInvalid', where: '--data', message: `the items of ${task.name} are not found: ${looked}`, mend: `get split ${task.split} of ${task.dataset} from the hub, and name it: --data ${task.name}=FILE` });
}

/** `piqa.jsonl`, `piqa/plain_text/validation-00000-of-00001.parquet`, `piqa-valid.jsonl` */
const patternsOf = ({ name, split }: Task): string[] =>
  ENDINGS.flatMap((ending) => [`${name}.${ending}`, ...SPLIT_NAMES[split].flatMap((start) => [`${name}/**/${start}*.${ending}`, `${name}[-_.]${start}*.${ending}`])]);

/** @throws what is no lack of files */
function nothing(error: unknown): readonly never[] {
  if (error instanceof BlissError) return [];
  throw error;
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
