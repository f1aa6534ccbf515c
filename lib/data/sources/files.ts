import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { folderFiles } from './folder-files.js';
import { formatOf, TEXT_FORMATS, type FileFormat } from './formats.js';
import { glob, isGlob } from './glob.js';
import { invalid } from './records.js';

export interface InputFile {
  readonly path: string;
  readonly format: FileFormat;
  readonly size: number;
}

export interface ResolveFiles {
  /** files or globs (`*`, `?`, `**`, `[…]`), relative to `folder` */
  readonly paths: readonly string[];
  readonly format: FileFormat | 'auto';
  readonly folder: string;
  /** field of the configuration, for errors: `data.sources[0].paths` */
  readonly field: string;
  /** formats that `auto` may come to. @default jsonl, parquet, text */
  readonly allowed?: readonly FileFormat[];
  /** a path may be a folder, which stands for the data files in it */
  readonly folders?: { readonly split?: string | undefined };
}

/** Files of all patterns, each once: patterns in the order given, a glob's and a folder's files sorted by path. @throws BlissError DataInvalid */
export async function resolveFiles({ paths, format, folder, field, allowed = TEXT_FORMATS, folders }: ResolveFiles): Promise<InputFile[]> {
  const found = new Map<string, InputFile>();
  const take = async (file: string, known: FileFormat | undefined): Promise<void> => {
    const { size } = await stat(file);
    found.set(file, { path: file, size, format: known ?? (format === 'auto' ? formatOf(file, field, allowed) : format) });
  };
  let hasFolder = false;
  for (const pattern of paths) {
    const absolute = path.resolve(folder, pattern);
    // a file whose name has glob characters is that file
    const direct = await stat(absolute).catch(() => undefined);
    if (direct?.isDirectory() === true && folders !== undefined) {
      hasFolder = true;
      for (const file of await folderFiles({ folder: absolute, format, allowed, split: folders.split, field })) await take(file.path, file.format);
      continue;
    }
    const files = direct?.isFile() === true ? [absolute] : isGlob(pattern) ? await glob(absolute) : [];
    if (files.length === 0) {
      const isFolder = direct?.isDirectory() ?? false;
      throw invalid(
        field,
        isFolder ? `${absolute} is a folder` : isGlob(pattern) ? `no file matches ${absolute}` : `there is no file ${absolute}`,
        isFolder ? 'name a file in it' : 'check the path; relative ones start from the folder of the configuration file',
      );
    }
    for (const file of files) await take(file, undefined);
  }
  if (folders?.split !== undefined && !hasFolder) throw invalid(field, `split ${folders.split} is of a folder, and no path is one`, 'leave split out, or name the folder');
  return [...found.values()];
}

/** sha256 of a file's bytes, hex, as a stream. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
