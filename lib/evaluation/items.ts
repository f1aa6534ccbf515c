import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson } from '../artifacts/index.js';
import { readRecords, sha256OfFile, type FileRecord, type InputFile } from '../data/sources/index.js';
import { counted } from '../counted.js';
import { BlissError } from '../errors.js';
import { refuseLfsPointer } from '../git-lfs.js';
import { taskFiles } from './task-files.js';
import { isProblem, type Item, type Task } from './tasks/index.js';

/** A document with what is asked of it. */
export interface TaskItem extends Item {
  readonly document: Readonly<Record<string, unknown>>;
}

export interface TaskItems {
  readonly items: readonly TaskItem[];
  /** documents there are, also beyond the limit */
  readonly documents: number;
}

export interface ReadItems {
  readonly task: Task;
  /** file, glob or folder, or files that were found, by their whole names; absent: the task's own items */
  readonly path?: string | readonly string[] | undefined;
  /** folder that a relative path starts from */
  readonly folder: string;
  /** field of the configuration or option, for errors */
  readonly field: string;
  /** takes the first ones only, as the harness does */
  readonly limit?: number | undefined;
}

/** The documents of a task from files in the hub's columns. @throws BlissError DataInvalid, DataCorrupt: the first bad item, by file, place and field */
export async function readItems({ task, path: named, folder, field, limit = Infinity }: ReadItems): Promise<TaskItems> {
  if (named === undefined) return ownItems(task, field, limit);
  const items: TaskItem[] = [];
  let all = 0;
  for (const file of await taskFiles({ task, path: named, folder, field })) {
    const { documentOf, end } = await documents(task, file);
    let index = 0;
    for await (const record of readRecords(file)) {
      if (items.length < limit) items.push(itemOf(task, record, documentOf(record, index)));
      index++;
    }
    end(index);
    all += index;
  }
  if (all === 0) throw new BlissError({ code: 'DataInvalid', where: field, message: `there is no item of ${task.name} in ${[named].flat().map((file) => path.resolve(folder, file)).join(', ')}`, fix: hubOf(task) });
  return { items, documents: all };
}

/** sha256 of every file that the items come from, in their order, or of the task's own items: what decides them. */
export async function itemDigests({ task, path: named, folder, field }: Omit<ReadItems, 'limit'>): Promise<string[]> {
  if (named === undefined) return [digestJson(await ownDocuments(task, field))];
  const files = await taskFiles({ task, path: named, folder, field });
  const sources = files.flatMap((file) => [file.path, ...(task.labelField !== undefined && existsSync(labelsFile(file)) ? [labelsFile(file)] : [])]);
  const digests: string[] = [];
  for (const file of sources) digests.push(await sha256OfFile(file));
  return digests;
}

async function ownItems(task: Task, field: string, limit: number): Promise<TaskItems> {
  const all = await ownDocuments(task, field);
  return { items: all.slice(0, limit).map((document, i) => itemOf(task, { at: `${task.dataset} ${i + 1}` }, { ...document })), documents: all.length };
}

async function ownDocuments({ name, own, ...task }: Task, field: string): Promise<readonly object[]> {
  if (own !== undefined) return own();
  throw new BlissError({ code: 'DataInvalid', where: field, message: `no file of items is named for ${name}`, fix: `name one; ${hubOf(task)}` });
}

function itemOf(task: Task, { at }: Pick<FileRecord, 'at'>, document: Record<string, unknown>): TaskItem {
  const item = task.read(document);
  if (!isProblem(item)) return { ...item, document };
  throw new BlissError({ code: 'DataInvalid', where: at, message: `no item of ${task.name}: the field ${item.field}: ${item.problem}`, fix: `correct or delete it; ${hubOf(task)}` });
}

const hubOf = ({ dataset, split }: Pick<Task, 'dataset' | 'split'>): string => `the columns are those of ${dataset} on the hub, split ${split}`;

/** `piqa/valid.jsonl` has `piqa/valid-labels.lst`, as PIQA is distributed: an integer a line. */
const labelsFile = (file: InputFile): string => path.join(path.dirname(file.path), `${path.basename(file.path).replace(/\.(jsonl|ndjson|parquet)(\.(gz|zst))?$/i, '')}-labels.lst`);

interface Documents {
  documentOf(record: FileRecord, index: number): Record<string, unknown>;
  /** @param count documents that there were @throws BlissError DataInvalid where there are more labels */
  end(count: number): void;
}

/** What makes a document of a record: fields named `a.b` are put into a, and a label that lies in another file is added. */
async function documents(task: Task, file: InputFile): Promise<Documents> {
  const { labelField } = task;
  const where = labelsFile(file);
  if (labelField === undefined || !existsSync(where)) return { documentOf: ({ record }) => nested(record), end: () => undefined };
  await refuseLfsPointer(where);
  const lines = (await readFile(where, 'utf8')).trimEnd().split('\n');
  const problem = (index: number, message: string): BlissError =>
    new BlissError({ code: 'DataInvalid', where: `${where}:${index + 1}`, message, fix: `write the ${labelField} of each line of ${path.basename(file.path)}, an integer a line` });
  let isUsed = false;
  return {
    documentOf: ({ record }, index) => {
      const document = nested(record);
      if (labelField in document) return document;
      isUsed = true;
      const line = lines[index]?.trim();
      if (line === undefined || !/^-?\d+$/.test(line)) throw problem(index, line === undefined ? 'the line is missing' : `${JSON.stringify(line)} is no label`);
      return { ...document, [labelField]: Number(line) };
    },
    end: (count) => {
      if (isUsed && lines.length > count) throw problem(count, `there are ${counted(lines.length, 'label')}, and ${counted(count, 'document')} in ${path.basename(file.path)}`);
    },
  };
}

/** Tables with flat columns call them `choices.text`. */
function nested(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) {
    const [outer, inner] = name.split('.', 2);
    if (inner === undefined) document[name] = value;
    else document[outer] = { ...(document[outer] as object | undefined), [inner]: value };
  }
  return document;
}
