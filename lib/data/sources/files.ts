import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BlissError } from '../../errors.js';

export type FileFormat = 'jsonl' | 'parquet' | 'text';

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
}

/** Files of all patterns, each once: patterns in the order given, a glob's files sorted by path. @throws BlissError DataInvalid */
export async function resolveFiles({ paths, format, folder, field }: ResolveFiles): Promise<InputFile[]> {
  const found = new Map<string, InputFile>();
  for (const pattern of paths) {
    const absolute = path.resolve(folder, pattern);
    // a file whose name has glob characters is that file
    const direct = await stat(absolute).catch(() => undefined);
    const files = direct?.isFile() ? [absolute] : /[*?[]/.test(pattern) ? await glob(absolute) : [];
    if (files.length === 0) {
      const isFolder = direct?.isDirectory() ?? false;
      throw new BlissError({
        code: 'DataInvalid',
        where: field,
        message: isFolder ? `${absolute} is a folder` : /[*?[]/.test(pattern) ? `no file matches ${absolute}` : `there is no file ${absolute}`,
        mend: isFolder ? `write ${pattern.replace(/\/$/, '')}/*.jsonl or the like` : 'check the path; relative ones start from the folder of the configuration file',
      });
    }
    for (const file of files) {
      const { size } = await stat(file);
      found.set(file, { path: file, size, format: format === 'auto' ? formatOf(file, field) : format });
    }
  }
  return [...found.values()];
}

function formatOf(file: string, field: string): FileFormat {
  const name = path.basename(file).toLowerCase().replace(/\.(gz|zst)$/, '');
  if (/\.(jsonl|ndjson)$/.test(name)) return 'jsonl';
  if (name.endsWith('.parquet')) return 'parquet';
  if (/\.(txt|text|md)$/.test(name)) return 'text';
  throw new BlissError({
    code: 'DataInvalid',
    where: file,
    message: 'the format cannot be told from the ending',
    mend: `set format to jsonl, parquet or text beside ${field}`,
  });
}

async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.split(path.sep);
  const firstMagic = parts.findIndex((part) => /[*?[]/.test(part));
  const base = parts.slice(0, firstMagic).join(path.sep) || path.sep;
  const matcher = globPattern(pattern);
  const depth = parts.slice(firstMagic).includes('**') ? Infinity : parts.length - firstMagic;
  const files: string[] = [];
  const walk = async (folder: string, left: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory() && left > 1) await walk(file, left - 1);
      else if (matcher.test(file) && (await stat(file).catch(() => undefined))?.isFile()) files.push(file);
    }
  };
  await walk(base, depth);
  return files.sort((a, b) => (a < b ? -1 : 1));
}

function globPattern(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[!?[^\]]+\]|[.+^${}()|\\[\]]/g, (part) => {
    if (part === '**/') return '(?:[^/]+/)*';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.length > 1 ? part.replace('[!', '[^') : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 'u');
}

/** sha256 of a file's bytes, hex, as a stream. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
