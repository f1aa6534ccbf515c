import { open, rename, rm } from 'node:fs/promises';
import parquet from 'parquetjs-lite';
import { asBlissError } from '../errors.js';

export type ParquetType = 'UTF8' | 'BYTE_ARRAY' | 'INT32' | 'INT64' | 'FLOAT' | 'DOUBLE' | 'BOOLEAN';
export interface ParquetColumn {
  readonly type: ParquetType;
  /** may be null */
  readonly optional?: boolean;
  /** holds a list */
  readonly repeated?: boolean;
}
export type ParquetSchema = Readonly<Record<string, ParquetColumn>>;
export type ParquetValue = string | number | bigint | boolean | Uint8Array | null | readonly string[];
export type ParquetRow = Readonly<Record<string, ParquetValue>>;

/** Rows of one row group. A random row costs decoding its whole row group, so groups are small. */
export const ROW_GROUP_ROWS = 1_024;

export interface ParquetTarget {
  readonly file: string;
  readonly schema: ParquetSchema;
  /** key-value metadata of the file's footer */
  readonly metadata?: Readonly<Record<string, string>>;
  /** @default 1024 */
  readonly rowGroupRows?: number;
  /** @default 'SNAPPY' */
  readonly compression?: 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED';
}

export interface ParquetWriter {
  append(row: ParquetRow): Promise<void>;
  /** completes the file; until then nothing has its name */
  close(): Promise<void>;
  /** leaves nothing behind */
  abort(): Promise<void>;
}

/**
 * Writes `file.partial` and gives it its name when it is whole. Version 1 pages without statistics, what every reader
 * understands. FLOAT keeps the bits of float32 values, but −0 becomes 0.
 *
 * @throws BlissError DiskFull
 */
export async function openParquetWriter({ file, schema, metadata = {}, rowGroupRows = ROW_GROUP_ROWS, compression = 'SNAPPY' }: ParquetTarget): Promise<ParquetWriter> {
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w').catch((error: unknown) => {
    throw asBlissError(error, file);
  });
  // parquetjs-lite does not await its header: writes are queued here, and a failed one fails all that follow.
  let queue: Promise<void> = Promise.resolve();
  const write = (bytes: Uint8Array): Promise<void> => {
    queue = queue.then(async () => {
      // one write may take a part of the bytes only
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
    });
    queue.catch(() => undefined);
    return queue;
  };
  const abort = async (): Promise<void> => {
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
  };
  const fields = Object.fromEntries(
    Object.entries(schema).map(([name, { type, optional = false, repeated = false }]) => [name, { type, optional, repeated, compression, statistics: false }]),
  );
  const parquetSchema = new parquet.ParquetSchema(fields);
  const options = { rowGroupSize: rowGroupRows, useDataPageV2: false, pageIndex: false };
  const envelope = new parquet.ParquetEnvelopeWriter(parquetSchema, write, () => queue, 0, options);
  const writer = new parquet.ParquetWriter(parquetSchema, envelope, options);
  for (const [key, value] of Object.entries(metadata)) writer.setMetadata(key, value);

  const guarded = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      await abort();
      throw error instanceof Error ? asBlissError(error, file) : new Error(`${file}: ${String(error)}`);
    }
  };
  return {
    append: (row) => guarded(() => writer.appendRow(row)),
    close: () =>
      guarded(async () => {
        await writer.close();
        await handle.sync();
        await handle.close();
        await rename(partial, file);
      }),
    abort,
  };
}

export interface WriteParquet extends ParquetTarget {
  readonly rows: Iterable<ParquetRow> | AsyncIterable<ParquetRow>;
}

/** Writes all rows; on failure nothing is left behind. @returns number of rows @throws BlissError DiskFull */
export async function writeParquet({ rows, ...target }: WriteParquet): Promise<number> {
  const writer = await openParquetWriter(target);
  let count = 0;
  try {
    for await (const row of rows) {
      await writer.append(row);
      count++;
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return count;
}
