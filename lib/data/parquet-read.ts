import { open, type FileHandle } from 'node:fs/promises';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { gunzipSync } from 'node:zlib';
import { BlissError } from '../errors.js';
import { refuseLfsPointer } from '../git-lfs.js';
import { rowsOfGroup } from './parquet-rows.js';

/** A Parquet file that is open for reading by row group; close it. */
export interface ParquetFile {
  readonly file: string;
  readonly rows: number;
  /** rows of each row group */
  readonly rowGroups: readonly number[];
  /** top-level columns */
  readonly columns: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** the rows of one row group; BYTE_ARRAY without a string annotation comes as bytes. @throws BlissError DataCorrupt */
  readRowGroup(rowGroup: number, columns?: readonly string[]): Promise<Record<string, unknown>[]>;
  /**
   * All rows of the file by pages, whatever the size of its row groups. Strings are held against UTF-8, pages against their checksums where
   * they have some; decimals, times, UUIDs and bytes of a fixed length come as `ParquetScalar`, 64-bit integers as bigint.
   * @throws BlissError DataCorrupt, naming the row group; DataInvalid, naming the row
   */
  stream(columns?: readonly string[]): AsyncIterable<StreamedRow>;
  close(): Promise<void>;
}

export interface StreamedRow {
  readonly rowGroup: number;
  /** within its row group, from 0 */
  readonly row: number;
  readonly record: Record<string, unknown>;
}

export interface OpenParquet {
  /** bytes of one page, unpacked, that are taken at most. @default 2^29 */
  readonly mostPageBytes?: number;
}

/** A page is held whole, unpacked and then as texts: most writers end one at a megabyte, fastparquet with its row group. */
const MOST_PAGE_BYTES = 2 ** 29;

const codecs = {
  ...compressors,
  // Node's own zlib is several times faster than the JavaScript one
  GZIP: (input: Uint8Array): Uint8Array => gunzipSync(input),
};

const corrupt = (file: string, error: unknown): BlissError =>
  new BlissError({
    code: 'DataCorrupt',
    where: file,
    message: `cannot be read as Parquet (${error instanceof Error ? error.message : String(error)})`,
    fix: 'check that the file is whole and really Parquet, or copy it again',
    cause: error,
  });

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = new Uint8Array(new ArrayBuffer(Math.max(0, Math.min(end, size) - start)));
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error('the file ends early');
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** Read from the end in one go; a longer footer takes a second read. A file is opened for each of its row groups, so half a megabyte, as the library has it, adds up. */
const FOOTER_BYTES = 2 ** 14;

/** @throws BlissError DataInvalid (no such file), DataCorrupt (not Parquet, or cut off) */
export async function openParquet(file: string, { mostPageBytes = MOST_PAGE_BYTES }: OpenParquet = {}): Promise<ParquetFile> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw new BlissError({ code: 'DataInvalid', where: file, message: 'cannot be opened', fix: 'check the path and its permissions', cause: error });
  });
  try {
    const buffer = await bufferOf(handle);
    let metadata: FileMetaData;
    try {
      metadata = await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER_BYTES });
    } catch (error) {
      await refuseLfsPointer(file);
      throw corrupt(file, error);
    }
    const rowGroups = metadata.row_groups.map((group) => Number(group.num_rows));
    const starts: number[] = [];
    for (let i = 0, start = 0; i < rowGroups.length; start += rowGroups[i++]) starts.push(start);
    return {
      file,
      rows: Number(metadata.num_rows),
      rowGroups,
      columns: topLevel(metadata),
      metadata: Object.fromEntries((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''])),
      readRowGroup: async (rowGroup, columns) => {
        const rowStart = starts[rowGroup];
        try {
          return await parquetReadObjects({
            file: buffer,
            metadata,
            compressors: codecs,
            utf8: false,
            rowStart,
            rowEnd: rowStart + rowGroups[rowGroup],
            ...(columns === undefined ? {} : { columns: [...columns] }),
          });
        } catch (error) {
          throw corrupt(`${file} (row group ${rowGroup})`, error);
        }
      },
      stream: async function* (columns) {
        for (const [rowGroup, before] of starts.entries()) {
          try {
            let row = 0;
            for await (const record of rowsOfGroup({ file, buffer, metadata, rowGroup, columns, compressors: codecs, mostPageBytes, before })) yield { rowGroup, row: row++, record };
          } catch (error) {
            throw error instanceof BlissError ? error : corrupt(`${file} (row group ${rowGroup})`, error);
          }
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The schema is a list in depth-first order; the root comes first. */
function topLevel({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let i = 0; i < (schema[at].num_children ?? 0); i++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) names.push(schema[at].name);
  return names;
}

export interface ReadParquet {
  readonly file: string;
  /** default: all */
  readonly columns?: readonly string[];
  /** default: all */
  readonly rowGroup?: number;
}

/** Rows as a stream, one row group in memory at a time. */
export async function* parquetRows({ file, columns, rowGroup }: ReadParquet): AsyncIterable<Record<string, unknown>> {
  const opened = await openParquet(file);
  try {
    const groups = rowGroup === undefined ? opened.rowGroups.map((_, i) => i) : [rowGroup];
    for (const group of groups) yield* await opened.readRowGroup(group, columns);
  } finally {
    await opened.close();
  }
}

/** Rows as a list: for files that are small. */
export async function readParquet(params: ReadParquet): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const row of parquetRows(params)) rows.push(row);
  return rows;
}
