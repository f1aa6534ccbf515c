import { isUtf8 } from 'node:buffer';
import { BlissError } from '../../errors.js';
import { openParquet } from '../parquet.js';
import { fileBytes, type OnBytes } from './bytes.js';
import type { InputFile } from './files.js';

/** One text of a file with where it stands: `corpus.jsonl:12`. */
export interface FileDocument {
  readonly at: string;
  readonly id: string | undefined;
  readonly text: string;
}

export interface ReadDocuments {
  readonly file: InputFile;
  /** `a.b` for nested fields */
  readonly textColumn: string;
  readonly idColumn?: string | undefined;
  readonly onBytes?: OnBytes;
}

const invalid = (where: string, message: string, mend: string, cause?: unknown): BlissError => new BlissError({ code: 'DataInvalid', where, message, mend, cause });

/** Documents of one file. Where a text is null or empty there is no document. @throws BlissError DataInvalid, DataCorrupt */
export function readDocuments(params: ReadDocuments): AsyncIterable<FileDocument> {
  switch (params.file.format) {
    case 'jsonl':
      return jsonLines(params);
    case 'parquet':
      return parquetDocuments(params);
    case 'text':
      return textDocument(params);
  }
}

/** Longest document that is taken, in bytes: far above any real one, below what one string may hold. */
const LONGEST_DOCUMENT = 2 ** 28;

/** A text file is one document: memory holds it whole. */
async function* textDocument({ file, onBytes }: ReadDocuments): AsyncIterable<FileDocument> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of fileBytes(file.path, onBytes)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_DOCUMENT) throw invalid(file.path, `a text file is one document, and this one is longer than ${LONGEST_DOCUMENT} bytes`, 'split it, or write its documents as JSON lines');
  }
  const text = decode(Buffer.concat(chunks), file.path).replace(/^\uFEFF/, '');
  if (text !== '') yield { at: file.path, id: undefined, text };
}

async function* jsonLines({ file, textColumn, idColumn, onBytes }: ReadDocuments): AsyncIterable<FileDocument> {
  let number = 0;
  for await (const line of byteLines(fileBytes(file.path, onBytes), file.path)) {
    number++;
    const at = `${file.path}:${number}`;
    const source = decode(line, at);
    const json = number === 1 ? source.replace(/^\uFEFF/, '') : source;
    if (json.trim() === '') continue;
    const record = parseLine(json, at);
    const text = field(record, textColumn);
    if (text === undefined) {
      throw invalid(at, `there is no field ${textColumn}; the line has ${Object.keys(record).join(', ') || 'none'}`, 'set textColumn to the field with the text');
    }
    if (text === null) continue;
    if (typeof text !== 'string') throw invalid(at, `the field ${textColumn} is ${kind(text)}, not a text`, 'set textColumn to a field with text');
    if (text !== '') yield { at, id: idOf(record, idColumn, at), text };
  }
}

function parseLine(json: string, at: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    const column = position === undefined ? '' : `:${Number(position) + 1}`;
    throw invalid(`${at}${column}`, `the line is no JSON (${message})`, 'mend or delete the line', error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(at, `the line is ${kind(value)}, not an object`, 'write one JSON object a line, like {"text": "…"}');
  }
  return value as Record<string, unknown>;
}

async function* parquetDocuments({ file, textColumn, idColumn, onBytes }: ReadDocuments): AsyncIterable<FileDocument> {
  const parquet = await openParquet(file.path);
  try {
    const columns = [...new Set([textColumn, ...(idColumn === undefined ? [] : [idColumn])].map((name) => topLevel(parquet.columns, name, file.path)))];
    let row = 0;
    for (let group = 0; group < parquet.rowGroups.length; group++) {
      for (const record of await parquet.readRowGroup(group, columns)) {
        const at = `${file.path}:${++row}`;
        const text = field(record, textColumn);
        if (text === null || text === undefined || text === '') continue;
        const decoded = text instanceof Uint8Array ? decode(text, at) : text;
        if (typeof decoded !== 'string') throw invalid(at, `the column ${textColumn} holds ${kind(decoded)}, not text`, 'set textColumn to a column of strings');
        if (decoded !== '') yield { at, id: idOf(record, idColumn, at), text: decoded };
      }
      onBytes?.(file.size / parquet.rowGroups.length);
    }
  } finally {
    await parquet.close();
  }
}

function topLevel(columns: readonly string[], name: string, file: string): string {
  if (columns.includes(name)) return name;
  const first = name.split('.')[0];
  if (columns.includes(first)) return first;
  throw invalid(file, `there is no column ${name}; the file has ${columns.join(', ')}`, 'set textColumn to the column with the text');
}

function field(record: Record<string, unknown>, name: string): unknown {
  if (name in record) return record[name];
  let value: unknown = record;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function idOf(record: Record<string, unknown>, idColumn: string | undefined, at: string): string | undefined {
  if (idColumn === undefined) return undefined;
  const id = field(record, idColumn);
  if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') return String(id);
  throw invalid(at, `the field ${idColumn} is ${kind(id)}, not an id`, 'set idColumn to a field with a text or a number');
}

function kind(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function decode(bytes: Uint8Array, at: string): string {
  if (!isUtf8(bytes)) throw invalid(at, 'the text is not UTF-8', 'convert the file to UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Splits at line feeds; the last line needs none. */
async function* byteLines(chunks: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
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
