import path from 'node:path';
import { formatByEnding, packedOtherwise, type FileFormat } from './formats.js';
import { requireAllParts } from './parts.js';
import { invalid } from './invalid.js';
import { walk, type FoundFile } from './walk.js';

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

export type FolderFile = FoundFile & { readonly format: FileFormat };

/**
 * The data files of a folder and of those below it, sorted by path, each real file once: all of one format, told by their endings. Files of a data set
 * in the hub's layout (`data/train-00000-of-00005.parquet`, `train/…`) belong to splits: one is taken.
 *
 * @throws BlissError DataInvalid: no data file, several formats, several splits, no such split, a part of `…-of-00005` that is not there; as `walk`
 */
export async function folderFiles({ folder, format, allowed, split, field }: FolderFiles): Promise<readonly FolderFile[]> {
  const files = await dataFiles({ folder, format, allowed, field });
  const taken = ofSplit({ files, folder, split, field });
  requireAllParts({ files: taken.map((file) => file.path), isMeant: () => true, field });
  return taken;
}

async function dataFiles({ folder, format, allowed, field }: Omit<FolderFiles, 'split'>): Promise<readonly FolderFile[]> {
  const wanted = format === 'auto' ? allowed : [format];
  const isWanted = (name: string): boolean => (formatByEnding(name, wanted) ?? packedOtherwise(name, wanted)) !== undefined;
  const files: FolderFile[] = [];
  for (const file of await filesBelow({ folder, isWanted })) {
    const found = formatByEnding(file.path, wanted);
    if (found === undefined) throw invalid(file.path, `it is packed as ${path.extname(file.path)}, which is not read`, 'unpack it, or pack it by gzip or zstd; or name the other files by a glob');
    files.push({ ...file, format: found });
  }
  if (files.length === 0) throw invalid(field, `the folder ${folder} holds no ${wanted.join(', ')} file`, 'check the path, or name its files with a glob and their format');
  const formats = count(files.map((file) => file.format));
  if (formats.size > 1) throw invalid(field, `the folder ${folder} holds files of several formats: ${listed(formats)}`, 'set format beside it, or name the files with a glob');
  return files;
}

function ofSplit({ files, folder, split, field }: Pick<FolderFiles, 'folder' | 'split' | 'field'> & { readonly files: readonly FolderFile[] }): readonly FolderFile[] {
  const splitOf = (file: FolderFile): string | undefined => splitName(path.relative(folder, file.path), file.format);
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

/** Files below a folder whose names are wanted, sorted by path, each real file once: without what lies beside data and is none. @throws BlissError as `walk` */
export const filesBelow = ({ folder, isWanted }: { readonly folder: string; readonly isWanted: (name: string) => boolean }): Promise<readonly FoundFile[]> =>
  walk({ folder, steps: [{ kind: 'folders' }, { kind: 'match', matches: (name) => !isAside(name) && isWanted(name) }], leftOut: isAside });

const isAside = (name: string): boolean => ASIDE.test(name);

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
