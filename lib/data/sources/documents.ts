import { ParquetScalar } from '../parquet.js';
import { fileBytes, type OnBytes } from './bytes.js';
import { columnRecords, idOf } from './columns.js';
import type { InputFile } from './files.js';
import { jsonIdOf } from './json-id.js';
import { decode, field, invalid, jsonRecords, kind, LONGEST_DOCUMENT } from './records.js';

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

/** Documents of one file. Where a text is null or empty there is no document. @throws BlissError DataInvalid, DataCorrupt */
export function readDocuments(params: ReadDocuments): AsyncIterable<FileDocument> {
  switch (params.file.format) {
    case 'jsonl':
      return jsonLines(params);
    case 'parquet':
      return parquetDocuments(params);
    case 'text':
      return textDocument(params);
    case 'bin':
      throw invalid(params.file.path, 'a .bin file holds token ids, not text', 'give it as a source of type tokens');
  }
}

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
  for await (const { at, record, json } of jsonRecords(file.path, onBytes)) {
    const text = field(record, textColumn);
    if (text === undefined) {
      throw invalid(at, `there is no field ${textColumn}; the line has ${Object.keys(record).join(', ') || 'none'}`, 'set textColumn to the field with the text');
    }
    if (text === null) continue;
    if (typeof text !== 'string') throw invalid(at, `the field ${textColumn} is ${kind(text)}, not a text`, 'set textColumn to a field with text');
    if (text !== '') yield { at, id: jsonIdOf({ record, json, idColumn, at }), text };
  }
}

async function* parquetDocuments({ file, textColumn, idColumn, onBytes }: ReadDocuments): AsyncIterable<FileDocument> {
  for await (const { at, record } of columnRecords({ file, column: textColumn, idColumn, setting: 'textColumn', what: 'text', onBytes })) {
    const text = field(record, textColumn);
    if (text === null || text === undefined || text === '') continue;
    const bytes = text instanceof ParquetScalar ? text.bytes : text;
    const decoded = bytes instanceof Uint8Array ? decode(bytes, at) : text;
    if (typeof decoded !== 'string') throw invalid(at, `the column ${textColumn} holds ${kind(decoded)}, not text`, 'set textColumn to a column of strings');
    if (decoded !== '') yield { at, id: idOf(record, idColumn, at), text: decoded };
  }
}
