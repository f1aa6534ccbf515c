import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { folderFiles, type FolderFile } from './folder-files.js';
import { formatOf, TEXT_FORMATS, type FileFormat } from './formats.js';
import { glob, isGlob } from './glob.js';
import { requireAllParts } from './parts.js';
import { filePieces } from './pieces.js';
import { unreadable } from './read-error.js';
import { invalid } from './invalid.js';
import { refuseDangling, type FoundFile } from './walk.js';

export interface InputFile {
  /** absolute */
  readonly path: string;
  /** from where its pattern begins: the folder, the fixed part of the glob. What its documents are called after: it does not change where all is moved */
  readonly name: string;
  readonly format: FileFormat;
  readonly size: number;
}

export interface ResolveFiles {
  /** files or globs (`*`, `?`, `**`, `[…]`), relative to `folder` */
  readonly paths: readonly string[];
  readonly format: FileFormat | 'auto';
  /** no part of it is a pattern */
  readonly folder: string;
  /** paths were found, or mean what has that very name: no part of them is a pattern. @default false */
  readonly literal?: boolean;
  /** field of the configuration, for errors: `data.sources[0].paths` */
  readonly field: string;
  /** formats that `auto` may come to. @default jsonl, parquet, text */
  readonly allowed?: readonly FileFormat[];
  /** a path may be a folder, which stands for the data files in it */
  readonly folders?: { readonly split?: string | undefined };
}

/** What one pattern stands for. */
interface Found {
  readonly start: string;
  readonly files: readonly (FoundFile | FolderFile)[];
}

/**
 * Files of all patterns, each real file once, whatever leads to it: patterns in the order given, a glob's and a folder's files sorted by path.
 * @throws BlissError DataInvalid
 */
export async function resolveFiles(params: ResolveFiles): Promise<InputFile[]> {
  const { paths, format, folder, field, literal = false, allowed = TEXT_FORMATS, folders } = params;
  const found = new Map<string, InputFile>();
  let hasFolder = false;
  for (const pattern of paths) {
    const absolute = path.resolve(folder, pattern);
    const direct = await stat(absolute).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    const isFolder = !(direct instanceof Error) && direct.isDirectory() && folders !== undefined;
    hasFolder ||= isFolder;
    const { start, files } = isFolder ? { start: absolute, files: await folderFiles({ folder: absolute, format, allowed, split: folders.split, field }) } : await named({ pattern, folder, field, literal, direct });
    const sizes = await sizesOf(files);
    for (const [i, file] of files.entries()) {
      if (found.has(file.real)) continue;
      const size = sizes[i];
      const known = 'format' in file ? file.format : undefined;
      found.set(file.real, { path: file.path, name: path.relative(start, file.path), size, format: known ?? (format === 'auto' ? formatOf(file.path, field, allowed) : format) });
    }
  }
  if (folders?.split !== undefined && !hasFolder) throw invalid(field, `split ${folders.split} is of a folder, and no path is one`, 'leave split out, or name the folder');
  return withOwnNames([...found.values()]);
}

/** asked for side by side: one after the other they take several times as long */
const AT_ONCE = 64;

async function sizesOf(files: readonly FoundFile[]): Promise<readonly number[]> {
  const sizes: number[] = [];
  for (let at = 0; at < files.length; at += AT_ONCE) {
    for (const { size } of await Promise.all(files.slice(at, at + AT_ONCE).map((file) => stat(file.path)))) sizes.push(size);
  }
  return sizes;
}

interface Named extends Pick<ResolveFiles, 'folder' | 'field'> {
  readonly literal: boolean;
  readonly pattern: string;
  /** what has that very name, or why nothing does */
  readonly direct: Stats | Error;
}

/** A file, or what a glob matches. */
async function named({ pattern, folder, field, literal, direct }: Named): Promise<Found> {
  const absolute = path.resolve(folder, pattern);
  // a file whose name has brackets is that file; stars mean others too
  if (!(direct instanceof Error) && direct.isFile() && (literal || !/[*?]/.test(pattern))) return { start: path.dirname(absolute), files: [{ path: absolute, real: await realpath(absolute) }] };
  const isPattern = !literal && isGlob(pattern);
  if (isPattern) {
    const { start, files, matches } = await glob({ folder, pattern, field });
    requireAllParts({ files: files.map((file) => file.path), isMeant: matches, field });
    if (files.length > 0) return { start, files };
  }
  if (!(direct instanceof Error)) throw direct.isDirectory() ? invalid(field, `${absolute} is a folder`, 'name a file in it') : invalid(field, `${absolute} is no file that can be read twice`, 'write what it gives into a file');
  await refuseDangling(absolute);
  const absent = isPattern || ('code' in direct && direct.code === 'ENOENT');
  throw invalid(field, absent ? (isPattern ? `no file matches ${absolute}` : `there is no file ${absolute}`) : `${absolute} cannot be read (${direct.message})`, 'check the path; relative ones start from the folder of the configuration file', direct);
}

/** Where two would be called alike, all names begin at the folder that all files have in common. */
function withOwnNames(files: InputFile[]): InputFile[] {
  if (new Set(files.map(({ name }) => name)).size === files.length) return files;
  let common = path.dirname(files[0].path);
  for (const file of files) while (/^\.\.(\/|$)/.test(path.relative(common, file.path))) common = path.dirname(common);
  return files.map((file) => ({ ...file, name: path.relative(common, file.path) }));
}

/** sha256 of a file's bytes, hex, as a stream. @throws BlissError DataInvalid where it cannot be read */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of filePieces({ file })) hash.update(piece);
  } catch (error) {
    throw unreadable(file, error) ?? error;
  }
  return hash.digest('hex');
}
