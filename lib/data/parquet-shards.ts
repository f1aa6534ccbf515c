import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { openParquetWriter, type ParquetRow, type ParquetSchema, type ParquetType, type ParquetValue, type ParquetWriter } from './parquet-write.js';

export interface WriteParquetShards {
  /** made where it is not there; what of it was written stays after an error: write beside and rename */
  readonly folder: string;
  /** `train`: files are `train-00000-of-000NN.parquet`, as Hugging Face names them */
  readonly prefix: string;
  readonly schema: ParquetSchema;
  readonly rows: Iterable<ParquetRow> | AsyncIterable<ParquetRow>;
  /** bytes of values before compression that one file holds at most; a longer row has a file of its own */
  readonly shardBytes: number;
  /** @default 1024 */
  readonly rowGroupRows?: number;
}

export interface ParquetShard {
  /** within the folder */
  readonly file: string;
  readonly rows: number;
}

/**
 * Rows in several files, each as full as it gets; one file where there are no rows. How many there are is known at the end, and then they
 * have their names. The same rows give the same bytes.
 * @throws BlissError DiskFull
 */
export async function writeParquetShards({ folder, prefix, schema, rows, shardBytes, rowGroupRows }: WriteParquetShards): Promise<readonly ParquetShard[]> {
  await mkdir(folder, { recursive: true });
  const counts: number[] = [];
  const unnamed = (shard: number): string => path.join(folder, `${prefix}-${fiveDigits(shard)}.parquet`);
  const openShard = (): Promise<ParquetWriter> => openParquetWriter({ file: unnamed(counts.push(0) - 1), schema, ...(rowGroupRows === undefined ? {} : { rowGroupRows }) });
  let writer = await openShard();
  let room = shardBytes;
  try {
    for await (const row of rows) {
      const bytes = bytesOf(row, schema);
      if (bytes > room && counts[counts.length - 1] > 0) {
        await writer.close();
        writer = await openShard();
        room = shardBytes;
      }
      await writer.append(row);
      counts[counts.length - 1]++;
      room -= bytes;
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  const shards = counts.map((count, shard) => ({ file: `${prefix}-${fiveDigits(shard)}-of-${fiveDigits(counts.length)}.parquet`, rows: count }));
  for (const [shard, { file }] of shards.entries()) await rename(unnamed(shard), path.join(folder, file));
  return shards;
}

const fiveDigits = (n: number): string => String(n).padStart(5, '0');

/** an offset for each text, the value itself for the others */
const WIDTH: Readonly<Record<ParquetType, number>> = { UTF8: 4, BYTE_ARRAY: 4, INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8, BOOLEAN: 1 };

/** Near enough what Arrow holds of a row in memory. */
function bytesOf(row: ParquetRow, schema: ParquetSchema): number {
  let bytes = 0;
  for (const [name, { type }] of Object.entries(schema)) {
    const value = row[name];
    const values = Array.isArray(value) ? (value as readonly ParquetValue[]) : [value];
    for (const one of values) bytes += WIDTH[type] + (typeof one === 'string' ? Buffer.byteLength(one) : one instanceof Uint8Array ? one.byteLength : 0);
  }
  return bytes;
}
