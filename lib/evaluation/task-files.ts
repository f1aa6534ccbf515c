import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { filesBelow, formatByEnding, resolveFiles, type InputFile } from '../data/sources/index.js';
import { counted } from '../counted.js';
import { BlissError } from '../errors.js';
import { isPlain, shardOf, splitOf, tableOf } from './table-names.js';
import type { Task } from './tasks/index.js';

/** files that an error names of many */
const NAMED = 8;

export interface TaskFiles {
  readonly task: Task;
  /** file, glob or folder, as it was written; or files that were found, each by its whole name */
  readonly path: string | readonly string[];
  /** folder that a relative path starts from */
  readonly folder: string;
  /** field of the configuration or option, for errors */
  readonly field: string;
}

/**
 * The files of a task's items: of a folder the one table of the task's split; else what is named, which may not be of several splits or tables.
 * @throws BlissError DataInvalid
 */
export async function taskFiles({ task, path: named, folder, field }: TaskFiles): Promise<InputFile[]> {
  if (typeof named !== 'string') return eachFile(named, field);
  const at = path.resolve(folder, named);
  if (await isFolder(at)) {
    const candidates = (await dataFiles(at)).map((file): Candidate => ({ file, rest: restOf(task, file) ?? file }));
    const files = oneTable({ task, folder: at, candidates, field });
    if (files.length > 0) return eachFile(files, field);
    throw invalid(field, `the folder ${at} holds no file of split ${task.split} of ${task.name}`, `get it from ${task.dataset} on the hub, or name the file itself`);
  }
  const files = await resolveFiles({ paths: [named], format: 'auto', folder, field });
  refuseMixed({ task, files: files.map((file) => file.path), field });
  return files;
}

/**
 * A task's items in a folder of several tasks': `piqa.jsonl`, `piqa-valid.jsonl`, or the one table of its split that lies in `piqa/`, as the hub lays it
 * out. @returns whole names; none where there is none @throws BlissError DataInvalid where several fit
 */
export async function findTaskTable({ task, folder, field }: { readonly task: Task; readonly folder: string; readonly field: string }): Promise<readonly string[]> {
  const { name } = task;
  const beside = (await readdir(folder)).filter((file) => isDataFile(file));
  const below = (await isFolder(path.join(folder, name))) ? (await dataFiles(path.join(folder, name))).map((file) => path.join(name, file)) : [];
  const candidates = [...beside.sort(), ...below].flatMap((file): Candidate[] => {
    const rest = restOf(task, file);
    return rest === undefined ? [] : [{ file, rest }];
  });
  return oneTable({ task, folder, candidates, field });
}

/** Files that were found: nothing in their names is a pattern. */
async function eachFile(files: readonly string[], field: string): Promise<InputFile[]> {
  const all: InputFile[] = [];
  for (const file of files) all.push(...(await resolveFiles({ paths: [file], literal: true, format: 'auto', folder: path.dirname(file), field })));
  return all;
}

export const isFolder = async (name: string): Promise<boolean> => (await stat(name).catch(() => undefined))?.isDirectory() === true;

interface Candidate {
  /** relative to the folder that was given */
  readonly file: string;
  /** what tells split and table of it */
  readonly rest: string;
}

/** relative to the folder */
const dataFiles = async (folder: string): Promise<string[]> => (await filesBelow({ folder, isWanted: isDataFile })).map((file) => path.relative(folder, file.path));
const isDataFile = (file: string): boolean => formatByEnding(file, ['jsonl', 'parquet']) !== undefined || /\.json$/i.test(file);

/** What follows the task's name in `piqa.jsonl`, `piqa-valid.jsonl` and `piqa/plain_text/validation.parquet`. */
function restOf({ name }: Task, file: string): string | undefined {
  if (file.startsWith(`${name}${path.sep}`)) return file.slice(name.length + 1);
  return new RegExp(`^${name}[-_.][^/]*$`).test(file) ? file.slice(name.length) : undefined;
}

interface OneTable {
  readonly task: Task;
  readonly folder: string;
  readonly candidates: readonly Candidate[];
  readonly field: string;
}

function oneTable({ task, folder, candidates, field }: OneTable): string[] {
  // a file that is called like the task and no more is its own, whatever split it was
  const ofSplit = candidates.filter(({ rest }) => isNameAlone(rest) || splitOf(rest) === task.split);
  const isOwn = ({ rest }: Candidate): boolean => task.table !== undefined && tableOf(task, rest) === task.table.name;
  // where its own table has a folder, the folders beside it are of other tables
  const fitting = ofSplit.some(isOwn) ? ofSplit.filter((one) => isOwn(one) || (tableOf(task, one.rest) === undefined && isPlain(one.rest))) : ofSplit.filter(({ rest }) => tableOf(task, rest) === undefined);
  if (fitting.length === 0 && ofSplit.length > 0) {
    throw invalid(field, `${folder} holds other tables than that of ${task.name}, ${task.dataset}: ${listed(ofSplit.map(({ file }) => file))}`, `get that one, split ${task.split}, or name the file that is meant`);
  }
  const tables = new Map<string, string[]>();
  for (const { file } of fitting) {
    const { whole } = shardOf(file);
    tables.set(whole, [...(tables.get(whole) ?? []), file]);
  }
  if (tables.size > 1) throw invalid(field, `several tables in ${folder} fit ${task.name}: ${listed([...tables.values()].map(([first]) => first))}`, `name the one that is meant${field === '--data' ? `: --data ${task.name}=FILE` : ''}`);
  const [files = []] = tables.values();
  refuseGap({ folder, files, field });
  return files.map((file) => path.join(folder, file));
}

const isNameAlone = (rest: string): boolean => /^\.(jsonl|ndjson|json|parquet)(\.(gz|zst))?$/i.test(rest);

/** A table of `…-of-00004` of which a file is missing is not the task's. */
function refuseGap({ folder, files, field }: { readonly folder: string; readonly files: readonly string[]; readonly field: string }): void {
  const [of] = files.flatMap((file) => shardOf(file).of ?? []);
  if (of === undefined || files.length === of) return;
  throw invalid(field, `a table in ${folder} has ${counted(of, 'file')} by their names, and ${files.length} of them ${files.length === 1 ? 'is' : 'are'} there: ${listed(files)}`, 'get the others, or name the files that are meant with a glob');
}

/** What somebody names is theirs to choose, but several tables in one figure are nobody's choice. */
function refuseMixed({ task, files, field }: { readonly task: Task; readonly files: readonly string[]; readonly field: string }): void {
  if (files.length < 2) return;
  const { length } = commonFolder(files);
  const kinds = new Set(files.map((file) => JSON.stringify([splitOf(file.slice(length)), tableOf(task, file.slice(length))])));
  if (kinds.size > 1) throw invalid(field, `files of several splits or tables match: ${listed(files)}`, `name those of one, the split ${task.split} of ${task.dataset}`);
}

function commonFolder(files: readonly string[]): string {
  let common = path.dirname(files[0]);
  while (common !== path.dirname(common) && !files.every((file) => file.startsWith(`${common}${path.sep}`))) common = path.dirname(common);
  return common;
}

const listed = (files: readonly string[]): string => `${files.slice(0, NAMED).join(', ')}${files.length > NAMED ? ` and ${files.length - NAMED} more` : ''}`;
const invalid = (where: string, message: string, fix: string): BlissError => new BlissError({ code: 'DataInvalid', where, message, fix });
