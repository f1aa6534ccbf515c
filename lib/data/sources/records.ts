import { isUtf8 } from 'node:buffer';
import { openParquet } from '../parquet.js';
import { fileBytes, type OnBytes } from './bytes.js';
import type { InputFile } from './files.js';
import { invalid } from './invalid.js';
import { oneALine, spansLines } from './one-a-line.js';
import { ParquetScalar } from '../parquet-values.js';

/** One record of a file with where it stands: `items.jsonl:12`, `items.parquet (row group 0, row 3)`. */
export interface FileRecord {
  readonly at: string;
  readonly record: Record<string, unknown>;
}

export { invalid };

/** Longest document that is taken, in bytes: far above any real one, below what one string may hold. */
export const LONGEST_DOCUMENT = 2 ** 28;

/** Records of a JSON-lines or Parquet file in its order, as plain JSON values. @throws BlissError DataInvalid, DataCorrupt */
export async function* readRecords({ path, format }: InputFile): AsyncIterable<FileRecord> {
  switch (format) {
    case 'jsonl':
      yield* jsonRecords(path);
      return;
    case 'parquet':
      yield* parquetRecords(path);
      return;
    case 'text':
    case 'bin':
      throw invalid(path, `a ${format} file has no records`, 'give a file of JSON lines (.jsonl, .jsonl.gz, .jsonl.zst) or Parquet (.parquet)');
  }
}

/** Objects of a JSON-lines file, with the text that each was parsed from; empty lines are passed over. */
export async function* jsonRecords(file: string, onBytes?: OnBytes): AsyncIterable<FileRecord & { readonly json: string }> {
  let number = 0;
  for await (const line of byteLines(fileBytes(file, onBytes), file)) {
    number++;
    const at = `${file}:${number}`;
    const source = decode(line, at);
    const json = number === 1 ? source.replace(/^\uFEFF/, '') : source;
    if (json.trim() !== '') yield { at, record: parseLine(json, at), json };
  }
}

async function* parquetRecords(file: string): AsyncIterable<FileRecord> {
  const parquet = await openParquet(file);
  try {
    for await (const { rowGroup, row, record } of parquet.stream()) {
      const at = `${file} (row group ${rowGroup}, row ${row})`;
      yield { at, record: plain(record, at) as Record<string, unknown> }; // an object stays one
    }
  } finally {
    await parquet.close();
  }
}

/** Parquet's values as JSON has them: INT64 as numbers, or as digits where a number would be rounded; texts without an annotation decoded. */
function plain(value: unknown, at: string): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return decode(value, at);
  if (Array.isArray(value)) return value.map((item) => plain(item, at));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof ParquetScalar) return value.bytes === undefined ? value.text : decode(value.bytes, at);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, at)]));
}

function parseLine(json: string, at: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    if (spansLines(json)) throw invalid(at, 'a JSON value begins here that goes on in the next line', oneALine(at.replace(/:\d+$/, ''), json), error);
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const column = position === undefined ? '' : `:${Number(position) + 1}`;
    throw invalid(`${at}${column}`, `the line is no JSON (${message})`, 'correct or delete the line', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (Array.isArray(value) && value.some((item) => typeof item === 'object')) throw invalid(at, 'the line is a list of objects, not an object', oneALine(at.replace(/:\d+$/, ''), json));
    throw invalid(at, `the line is ${kind(value)}, not an object`, 'write one JSON object a line, like {"text": "…"}');
  }
  return value as Record<string, unknown>;
}

/** One value of a record; `a.b` for nested ones, or a field of that very name. */
export function field(record: Record<string, unknown>, name: string): unknown {
  if (name in record) return record[name];
  let value: unknown = record;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** What a value is, in words. */
export function kind(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof ParquetScalar) return value.kind;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function decode(bytes: Uint8Array, at: string): string {
  if (!isUtf8(bytes)) throw invalid(at, 'the text is not UTF-8', 'convert the file to UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Splits at line feeds; the last line needs none. */
export async function* byteLines(chunks: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
  let rest: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = chunk.subarray(start, end);
      yield rest.length === 0 ? line : Buffer.concat([...rest, line]);
      rest = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > LONGEST_DOCUMENT) throw invalid(file, `a line is longer than ${LONGEST_DOCUMENT} bytes`, 'write one JSON object a line');
    }
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
