import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf } from '../../code-of.js';
import { BlissError } from '../../errors.js';
import { HEAD_BYTES, packingOf } from './packing.js';
import { filePieces, PIECE_BYTES } from './pieces.js';
import { unreadable } from './read-error.js';
import { unzstd } from './zstd.js';

/** Counts compressed bytes as they are read, for progress. */
export type OnBytes = (bytes: number) => void;

/** The bytes of a file as a stream, unpacked where they are gzip or zstd, whatever its name. @throws BlissError DataCorrupt, DataInvalid */
export async function* fileBytes(file: string, onBytes: OnBytes = () => undefined): AsyncIterable<Uint8Array> {
  const pieces = filePieces({ file });
  try {
    const first = await firstOf(pieces);
    const input = (async function* () {
      onBytes(first.length);
      if (first.length > 0) yield first;
      for await (const piece of pieces) {
        onBytes(piece.length);
        yield piece;
      }
    })();
    const packing = packingOf({ file, head: first.subarray(0, HEAD_BYTES) });
    if (packing === 'gzip') yield* gunzipped(input, file);
    else if (packing === 'zstd') yield* unzstd(input, file);
    else yield* input;
  } catch (error) {
    throw unreadable(file, error) ?? gzipError(file, error) ?? error;
  } finally {
    await pieces.return();
  }
}

/** Enough to tell what a file is. */
async function firstOf(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const held: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    held.push(value);
    length += value.length;
  }
  return held.length === 1 ? held[0] : Buffer.concat(held);
}

/** All members of a gzip file. Node takes what begins with a zero for padding, damaged members too: only zeros are. */
async function* gunzipped(input: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
  const unpacker = createGunzip({ chunkSize: PIECE_BYTES });
  // an error of either stream ends the iteration
  yield* pipeline(Readable.from(input), unpacker, () => undefined) as AsyncIterable<Uint8Array>;
  const end = unpacker.bytesWritten;
  let at = end;
  for await (const piece of filePieces({ file, start: end })) {
    const other = piece.findIndex((byte) => byte !== 0);
    if (other >= 0) throw new BlissError({ code: 'DataCorrupt', where: file, message: `the gzip stream ends at byte ${end}, and something else follows at byte ${at + other}: one of its members is damaged, or it was appended to`, fix: 'copy or download the file again' });
    at += piece.length;
  }
}

function gzipError(file: string, error: unknown): BlissError | undefined {
  const code = codeOf(error) ?? '';
  if (error instanceof BlissError || !code.startsWith('Z_')) return undefined;
  const what = code === 'Z_BUF_ERROR' ? 'the gzip stream ends early: the file is cut off' : `the gzip stream is broken (${error instanceof Error ? error.message : code})`;
  return new BlissError({ code: 'DataCorrupt', where: file, message: what, fix: 'copy or download the file again', cause: error });
}
