import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { formatByEnding, type FileFormat } from './formats.js';
import { invalid } from './records.js';

export interface FolderFiles {
  /** absolute */
  readonly folder: string;
  readonly format: FileFormat | 'auto';
  readonly allowed: readonly FileFormat[];
  /** the one split to take, of a data set that has several */
  readonly split?: string | undefined;
  /** field of the configuration, for errors */
  readonly field: string;
}

/** What lies beside data and is none: Spark's and Git's own files, and what tells about a data set. */
const ASIDE = /^[._]|^(readme|licen[cs]e|notice|copying|citation|changelog)\b/i;

/**
 * The data files of a folder and of those below it, sorted by path: all of one format, told by their endings. Files of a data set in the hub's
 * layout (`data/train-00000-of-00005.parquet`, `train/…`) belong to splits: one is taken.
 *
 * @throws BlissError DataInvalid: no data file, several formats, several splits, no such split
 */
export async function folderFiles({ folder, format, allowed, split, field }: FolderFiles): Promise<{ readonly path: string; readonly format: FileFormat }[]> {
  const wanted = format === 'auto' ? allowed : [format];
  const files: { path: string; format: FileFormat }[] = [];
  for (const file of await walk(folder)) {
    const found = formatByEnding(file, wanted);
    if (found !== undefined) files.push({ path: file, format: found });
  }
  if (files.length === 0) throw invalid(field, `the folder ${folder} holds no ${wanted.join(', ')} file`, 'check the path, or name its files with a glob and their format');
  const formats = count(files.map((file) => file.format));
  if (formats.size > 1) throw invalid(field, `the folder ${folder} holds files of several formats: ${listed(formats)}`, 'set format beside it, or name the files with a glob');
  const splitOf = (file: { path: string; format: FileFormat }): string | undefined => splitName(path.relative(folder, file.path), file.format);
  const splits = count(files.flatMap((file) => splitOf(file) ?? []));
  if (split !== undefined) {
    const taken = files.filter((file) => splitOf(file) === canonical(split));
    if (taken.length === 0) throw invalid(field, `the folder ${folder} holds no file of split ${split}${splits.size === 0 ? '; its files name no split' : `, but of ${listed(splits)}`}`, `set split${splits.size === 0 ? ' no more' : ` to ${[...splits.keys()].join(' or ')}`}`);
    return taken;
  }
  const others = files.length - [...splits.values()].reduce((sum, of) => sum + of, 0);
  if (others > 0 && [...splits.keys()].some((name) => name !== 'train')) throw invalid(field, `the folder ${folder} holds files of a split beside ${others} of none: ${listed(splits)}`, 'name the files that are meant with a glob');
  if (splits.size > 1) throw invalid(field, `the folder ${folder} holds several splits: ${listed(splits)}`, `set split: ${splits.has('train') ? 'train' : [...splits.keys()][0]} beside it`);
  return files;
}

/** Files below a folder, links followed: the hub's cache is links. Sorted by path. */
export async function walk(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await readdir(folder)) {
    if (ASIDE.test(name)) continue;
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory() === true) files.push(...(await walk(file)));
    else if (found?.isFile() === true) files.push(file);
  }
  return files.sort((a, b) => (a < b ? -1 : 1));
}

const KEYWORDS: Readonly<Record<string, string>> = { train: 'train', training: 'train', validation: 'validation', valid: 'validation', val: 'validation', dev: 'validation', test: 'test', testing: 'test', eval: 'test', evaluation: 'test' };
const canonical = (split: string): string => KEYWORDS[split.toLowerCase()] ?? split;

/** `train-00000-of-00005`, `c4-train.00000-of-01024`, `validation.jsonl`, `test/…`: the hub's own rule for names. A text file is told by its folder alone: its name is its own. */
function splitName(relative: string, format: FileFormat): string | undefined {
  const parts = relative.split(path.sep);
  const name = parts.pop() ?? '';
  const numbered = /^([A-Za-z]\w*)-\d{5}-of-\d{5}\b/.exec(name)?.[1];
  if (numbered !== undefined) return canonical(numbered);
  const inFolder = parts.map((part) => KEYWORDS[part.toLowerCase()]).findLast((split) => split !== undefined);
  if (format === 'text' || inFolder !== undefined) return inFolder;
  const word = name.toLowerCase().split(/[^a-z]+/).find((part) => part in KEYWORDS);
  return word === undefined ? undefined : KEYWORDS[word];
}

function count<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

const listed = (counts: Map<string, number>): string => Array.from(counts, ([name, files]) => `${name} (${files} ${files === 1 ? 'file' : 'files'})`).join(', ');
