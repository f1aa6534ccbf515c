import path from 'node:path';
import { invalid } from './invalid.js';

export type FileFormat = 'jsonl' | 'parquet' | 'text' | 'bin';

/** What files of texts and records come in. */
export const TEXT_FORMATS: readonly FileFormat[] = ['jsonl', 'parquet', 'text'];
/** What files of token ids come in. */
export const TOKEN_FORMATS: readonly FileFormat[] = ['jsonl', 'parquet', 'bin'];

const ENDINGS: Readonly<Record<FileFormat, RegExp>> = { jsonl: /\.(jsonl|ndjson)$/, parquet: /\.parquet$/, text: /\.(txt|text|md)$/, bin: /\.bin$/ };

/** The format that a name's ending says, among those allowed. */
export function formatByEnding(file: string, allowed: readonly FileFormat[]): FileFormat | undefined {
  const packed = path.basename(file).toLowerCase();
  const name = packed.replace(/\.(gz|zst)$/, '');
  // C4's and Spark's JSON lines are called .json; a .json among other files of a folder is seldom data
  if (allowed.includes('jsonl') && name.endsWith('.json') && (packed !== name || /^part-|-of-\d/.test(name))) return 'jsonl';
  return allowed.find((format) => ENDINGS[format].test(name));
}

/** The same for a file that was named or matched: `.json` is taken for JSON lines. @throws BlissError DataInvalid */
export function formatOf(file: string, field: string, allowed: readonly FileFormat[]): FileFormat {
  const format = formatByEnding(file, allowed) ?? (allowed.includes('jsonl') && /\.json$/i.test(file) ? 'jsonl' : undefined);
  if (format !== undefined) return format;
  if (allowed.includes('bin') && /\.idx$/i.test(file)) throw invalid(file, 'an .idx tells where the documents of the .bin beside it end, and holds no ids', `name the .bin in ${field} (the .idx beside it is read with it), with a glob *.bin`);
  throw invalid(file, 'the format cannot be told from the ending', `set format to ${allowed.slice(0, -1).join(', ')} or ${allowed[allowed.length - 1]} beside ${field}`);
}

/** The ending of a packer that is not read, where the name before it is one of data. */
export function packedOtherwise(file: string, allowed: readonly FileFormat[]): string | undefined {
  const [, name, packer] = /^(.*)\.(xz|lzma|bz2|lz4|br|zip|7z|z)$/i.exec(path.basename(file)) ?? [];
  return name !== undefined && formatByEnding(name, allowed) !== undefined ? packer : undefined;
}
