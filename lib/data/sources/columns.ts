import { isUtf8 } from 'node:buffer';
import { openParquet, ParquetScalar } from '../parquet.js';
import type { OnBytes } from './bytes.js';
import type { InputFile } from './files.js';
import { field, invalid, kind } from './records.js';

export interface ColumnRecords {
  readonly file: InputFile;
  /** the one that documents come from; `a.b` for nested ones */
  readonly column: string;
  readonly idColumn?: string | undefined;
  /** field of the configuration that names the column, and what it holds, for errors */
  readonly setting: string;
  readonly what: string;
  readonly onBytes?: OnBytes | undefined;
}

/** Rows of a Parquet file with the columns asked for alone, by pages, which are held against their checksums where they have some; values as `ParquetFile.stream` gives them. @throws BlissError DataInvalid, DataCorrupt */
export async function* columnRecords({ file, column, idColumn, setting, what, onBytes }: ColumnRecords): AsyncIterable<{ readonly at: string; readonly record: Record<string, unknown> }> {
  const parquet = await openParquet(file.path);
  try {
    const columns = new Set([topLevel({ columns: parquet.columns, name: column, file: file.path, setting, what })]);
    if (idColumn !== undefined) columns.add(topLevel({ columns: parquet.columns, name: idColumn, file: file.path, setting: 'idColumn', what: 'document id' }));
    let row = 0;
    for await (const { record } of parquet.stream([...columns])) {
      onBytes?.(file.size / parquet.rows);
      yield { at: `${file.path}:${++row}`, record };
    }
  } finally {
    await parquet.close();
  }
}

function topLevel({ columns, name, file, setting, what }: { readonly columns: readonly string[]; readonly name: string; readonly file: string; readonly setting: string; readonly what: string }): string {
  if (columns.includes(name)) return name;
  const first = name.split('.')[0];
  if (columns.includes(first)) return first;
  throw invalid(file, `there is no column ${name}; the file has ${columns.join(', ')}`, `set ${setting} to the column with the ${what}`);
}

const FIX = 'set idColumn to a field with a text or a whole number, or write the ids as texts';

/**
 * The document's own id, as a text that no other value of its column has: whole numbers and decimals with all their digits, UUIDs, dates and times
 * in their usual form, bytes of a fixed length in hexadecimal, other bytes as the UTF-8 that they are.
 * @throws BlissError DataInvalid where it is none
 */
export function idOf(record: Record<string, unknown>, idColumn: string | undefined, at: string): string | undefined {
  if (idColumn === undefined) return undefined;
  const id = field(record, idColumn);
  if (typeof id === 'string' || typeof id === 'bigint') return String(id);
  if (id instanceof ParquetScalar) return id.text;
  if (id instanceof Uint8Array) return utf8Id(id, idColumn, at);
  if (typeof id !== 'number') throw invalid(at, `the field ${idColumn} is ${kind(id)}, not an id`, FIX);
  if (!Number.isFinite(id)) throw invalid(at, `the field ${idColumn} is ${id}, not an id`, FIX);
  // what pandas makes of whole numbers where some are missing
  if (Number.isInteger(id) && !Number.isSafeInteger(id)) throw invalid(at, `the field ${idColumn} is a float beyond 2^53, whose last digits are gone`, FIX);
  return Object.is(id, -0) ? '-0' : String(id);
}

function utf8Id(id: Uint8Array, idColumn: string, at: string): string {
  if (!isUtf8(id)) throw invalid(at, `the field ${idColumn} is bytes that are no UTF-8`, 'write the ids as texts, for example in hexadecimal');
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('utf8');
}
