import { parquetSchema, type AsyncBuffer, type Compressors, type DecodedArray, type FileMetaData } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { BlissError } from '../errors.js';
import { leavesOf } from './parquet-pages.js';
import { NotUtf8 } from './parquet-values.js';

export interface RowsOfGroup {
  readonly file: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rowGroup: number;
  /** top-level ones; undefined: all */
  readonly columns: readonly string[] | undefined;
  readonly compressors: Compressors;
  readonly mostPageBytes: number;
  /** rows of the file before this row group */
  readonly before: number;
}

/** Rows that are put together at a time. */
const BATCH_ROWS = 1_024;

/** The rows of a row group, read by pages: memory holds a page or two of each column. @throws Error where it cannot be read; BlissError DataInvalid */
export async function* rowsOfGroup(params: RowsOfGroup): AsyncIterable<Record<string, unknown>> {
  const { file, metadata, rowGroup, before } = params;
  const schema = parquetSchema(metadata);
  const leaves = leavesOf({ ...params, schema });
  const tops = schema.children.flatMap((tree) => {
    const own = leaves.filter(({ path }) => path[0] === tree.element.name);
    return own.length === 0 ? [] : [{ name: tree.element.name, tree, leaves: own }];
  });
  const rows = Number(metadata.row_groups[rowGroup].num_rows);
  for (let start = 0; start < rows; ) {
    let count = Math.min(BATCH_ROWS, rows - start);
    for (const leaf of leaves) count = Math.min(count, await leaf.available());
    const columns = tops.map(({ name, tree, leaves: own }): readonly [string, ArrayLike<unknown>] => {
      if (tree.children.length === 0) return [name, own[0].take(count)];
      const parts = new Map<string, DecodedArray>(own.map((leaf) => [leaf.path.join('.'), Array.from(leaf.take(count))]));
      assembleNested(parts, tree, DEFAULT_PARSERS);
      const data = parts.get(name);
      if (data === undefined) throw new Error(`column ${name} cannot be put together`);
      return [name, data];
    });
    const looks = leaves.some(({ hasNotUtf8 }) => hasNotUtf8);
    for (let row = 0; row < count; row++) {
      const record: Record<string, unknown> = {};
      for (const [name, data] of columns) {
        record[name] = data[row];
        if (looks && holdsNotUtf8(data[row])) throw new BlissError({ code: 'DataInvalid', where: `${file}:${before + start + row + 1}`, message: `the text in column ${name} is not UTF-8`, fix: 'write the column as UTF-8, or leave the row out' });
      }
      yield record;
    }
    start += count;
  }
}

function holdsNotUtf8(value: unknown): boolean {
  if (value instanceof NotUtf8) return true;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return Object.values(value).some(holdsNotUtf8);
}
