import { openParquet } from '../parquet.js';
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

/** The document's own id. @throws BlissError DataInvalid where it is none */
export function idOf(record: Record<string, unknown>, idColumn: string | undefined, at: string): string | undefined {
  if (idColumn === undefined) return undefined;
  const id = field(record, idColumn);
  if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') return String(id);
  throw invalid(at, `the field ${idColumn} is ${kind(id)}, not an id`, 'set idColumn to a field with a text or a number');
}
