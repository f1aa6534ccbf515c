import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BlissError } from '../../errors.js';
import { HEAD_BYTES, packingOf } from './packing.js';
import { unreadable } from './read-error.js';
import { unzstd } from './zstd.js';

/** Counts compressed bytes as they are read, for progress. */
export type OnBytes = (bytes: number) => void;

/** Size of reads: large enough that a gigabyte takes few turns of the event loop. */
const CHUNK_BYTES = 1 << 18;

/** The bytes of a file as a stream, unpacked where they are gzip or zstd, whatever its name. @throws BlissError DataCorrupt, DataInvalid */
export async function* fileBytes(file: string, onBytes: OnBytes = () => undefined): AsyncIterable<Uint8Array> {
  let input: ReadStream | undefined;
  try {
    const handle = await open(file, 'r');
    input = handle.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES });
    input.on('data', (chunk) => {
      onBytes(chunk.length);
    });
    input.pause();
    const head = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    const packing = packingOf({ file, head: head.subarray(0, bytesRead) });
    if (packing === 'gzip') yield* gunzipped(input, file);
    else if (packing === 'zstd') yield* unzstd(input as AsyncIterable<Uint8Array>, file);
    else yield* input as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw unreadable(file, error) ?? gzipError(file, error) ?? error;
  } finally {
    input?.destroy();
  }
}

/** All members of a gzip file. Node takes what begins with a zero for padding, damaged members too: only zeros are. */
async function* gunzipped(input: ReadStream, file: string): AsyncIterable<Uint8Array> {
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES });
  // an error of either stream ends the iteration
  yield* pipeline(input, unpacker, () => undefined) as AsyncIterable<Uint8Array>;
  const end = unpacker.bytesWritten;
  let at = end;
  for await (const chunk of createReadStream(file, { start: end, highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>) {
    const other = chunk.findIndex((byte) => byte !== 0);
    if (other >= 0) throw new BlissError({ code: 'DataCorrupt', where: file, message: `the gzip stream ends at byte ${end}, and something else follows at byte ${at + other}: one of its members is damaged, or it was appended to`, mend: 'copy or download the file anew' });
    at += chunk.length;
  }
}

function gzipError(file: string, error: unknown): BlissError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof BlissError || !code.startsWith('Z_')) return undefined;
  const what = code === 'Z_BUF_ERROR' ? 'the gzip stream ends early: the file is cut off' : `the gzip stream is broken (${error instanceof Error ? error.message : code})`;
  return new BlissError({ code: 'DataCorrupt', where: file, message: what, mend: 'copy or download the file anew', cause: error });
}
