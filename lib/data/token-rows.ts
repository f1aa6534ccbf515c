import { createHash, type Hash } from 'node:crypto';
import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { BlissError } from '../errors.js';
import { openParquetWriter, type ParquetSchema } from './parquet.js';
import type { ShardIndex, TokenRow } from './types.js';

/** column of a row's document ids; shards of before it was there lack it */
export const DOCUMENTS_COLUMN = 'documents';

export type TokenDtype = 'uint16' | 'uint32';

/** Tokens as one BYTE_ARRAY a row: several times faster than a LIST. `documents`: ids of the documents that a row is of, in order. */
const SCHEMA: ParquetSchema = { id: { type: 'UTF8' }, source: { type: 'UTF8' }, tokens: { type: 'BYTE_ARRAY' }, [DOCUMENTS_COLUMN]: { type: 'UTF8', repeated: true } };
/** keys of the footer's metadata */
export const TOKEN_DTYPE_KEY = 'bliss.tokens.dtype';
const TOKEN_LENGTH_KEY = 'bliss.tokens.length';

export const tokenDtype = (vocabularySize: number): TokenDtype => (vocabularySize > 65_536 ? 'uint32' : 'uint16');

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Little endian, whatever the machine. */
export function tokensToBytes(tokens: ArrayLike<number>, dtype: TokenDtype): Uint8Array {
  const width = dtype === 'uint16' ? 2 : 4;
  const bytes = Buffer.allocUnsafe(tokens.length * width);
  for (let i = 0; i < tokens.length; i++) {
    if (width === 2) bytes.writeUInt16LE(tokens[i], i * 2);
    else bytes.writeUInt32LE(tokens[i], i * 4);
  }
  return bytes;
}

/** @param out int32, written from `at` on @returns number of tokens */
export function bytesToTokens(bytes: Uint8Array, dtype: TokenDtype, out: Int32Array, at = 0): number {
  const width = dtype === 'uint16' ? 2 : 4;
  const count = bytes.byteLength / width;
  if (LITTLE_ENDIAN) {
    // three times as fast as value by value; a typed array may start at a multiple of its width only
    const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
    out.set(width === 2 ? new Uint16Array(buffer, byteOffset, count) : new Uint32Array(buffer, byteOffset, count), at);
    return count;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) out[at + i] = width === 2 ? view.getUint16(i * 2, true) : view.getUint32(i * 4, true);
  return count;
}

/** What a row's digest is over: id, source and tokens as int32, little endian. Where documents are called otherwise rows are the same. */
function hashRow(hash: Hash, { id, source, tokens }: Pick<TokenRow, 'id' | 'source' | 'tokens'>): void {
  hash.update(`${id}\0${source}\0`);
  hash.update(tokensToBytes(tokens, 'uint32'));
}

type ShardRow = Pick<TokenRow, 'id' | 'source' | 'tokens' | 'documents'>;

export interface WriteTokenShards {
  /** folder of the artifact */
  readonly folder: string;
  /** folder within it: `group-000`; '' for the artifact's own */
  readonly prefix: string;
  readonly rows: AsyncIterable<ShardRow> | Iterable<ShardRow>;
  /** exactly as many as `rows` yields: the number of shards is in their names */
  readonly count: number;
  /** T */
  readonly sequenceLength: number;
  readonly vocabularySize: number;
  readonly rowsPerShard: number;
}

/**
 * Writes packed rows as `part-00000-of-0000N.parquet`.
 * @returns the shards, and the sha256 of the rows in order
 * @throws BlissError DiskFull
 */
export async function writeTokenShards(params: WriteTokenShards): Promise<{ readonly index: ShardIndex; readonly digest: string }> {
  const { folder, prefix, rows, count, sequenceLength, vocabularySize, rowsPerShard } = params;
  const dtype = tokenDtype(vocabularySize);
  const shards = Math.max(1, Math.ceil(count / rowsPerShard));
  const hash = createHash('sha256');
  const written: { file: string; rows: number }[] = [];
  await mkdir(path.join(folder, prefix), { recursive: true });
  const openShard = async () => {
    const number = (n: number): string => String(n).padStart(5, '0');
    const file = path.posix.join(prefix, `part-${number(written.length)}-of-${number(shards)}.parquet`);
    written.push({ file, rows: 0 });
    const metadata = { [TOKEN_DTYPE_KEY]: dtype, [TOKEN_LENGTH_KEY]: String(sequenceLength) };
    return openParquetWriter({ file: path.join(folder, file), schema: SCHEMA, metadata });
  };
  let writer = await openShard();
  try {
    for await (const row of rows) {
      const last = written[written.length - 1];
      if (last.rows === rowsPerShard) {
        await writer.close();
        writer = await openShard();
      }
      if (row.tokens.length !== sequenceLength) throw new RangeError(`row ${row.id} has ${row.tokens.length} tokens, not ${sequenceLength}`);
      hashRow(hash, row);
      await writer.append({ id: row.id, source: row.source, tokens: tokensToBytes(row.tokens, dtype), documents: row.documents ?? [] });
      written[written.length - 1].rows++;
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  const total = written.reduce((sum, shard) => sum + shard.rows, 0);
  if (total !== count || written.length !== shards) throw new RangeError(`${count} rows were announced, ${total} came`);
  return { index: { rows: total, sequenceLength, shards: written }, digest: hash.digest('hex') };
}

export function badShard(file: string, message: string): BlissError {
  return new BlissError({ code: 'DataCorrupt', where: file, message, fix: 'run the stage that wrote it again with --fresh' });
}
