import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { BlissError } from '../../errors.js';

/** Counts compressed bytes as they are read, for progress. */
export type OnBytes = (bytes: number) => void;

/** Size of reads: large enough that a gigabyte takes few turns of the event loop. */
const CHUNK_BYTES = 1 << 18;

/** The bytes of a file as a stream, unpacked by its ending (.gz, .zst). @throws BlissError DataCorrupt, DataInvalid */
export async function* fileBytes(file: string, onBytes: OnBytes = () => undefined): AsyncIterable<Uint8Array> {
  const input = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  input.on('data', (chunk) => {
    onBytes(chunk.length);
  });
  input.pause();
  try {
    if (file.endsWith('.gz')) {
      // an error of either stream ends the iteration below
      yield* pipeline(input, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined) as AsyncIterable<Uint8Array>;
    } else if (file.endsWith('.zst')) {
      yield* unzstd(input as AsyncIterable<Uint8Array>);
    } else {
      yield* input as AsyncIterable<Uint8Array>;
    }
  } catch (error) {
    throw readError(file, error);
  } finally {
    input.destroy();
  }
}

/** Node 20 has no zstd of its own. */
async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let out: Uint8Array[] = [];
  const stream = new Decompress((bytes) => {
    if (bytes.length > 0) out.push(bytes);
  });
  for await (const chunk of input) {
    stream.push(chunk);
    yield* out;
    out = [];
  }
  stream.push(new Uint8Array(0), true);
  yield* out;
}

function readError(file: string, error: unknown): unknown {
  if (error instanceof BlissError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    return new BlissError({ code: 'DataInvalid', where: file, message: `cannot be read (${code})`, mend: 'check the path and its permissions', cause: error });
  }
  if (file.endsWith('.gz') && code.startsWith('Z_')) {
    const what = code === 'Z_BUF_ERROR' ? 'the gzip stream ends early: the file is cut off' : `the gzip stream is broken (${message})`;
    return new BlissError({ code: 'DataCorrupt', where: file, message: what, mend: 'copy or download the file anew', cause: error });
  }
  if (file.endsWith('.zst')) {
    const what = /EOF/i.test(message) ? 'the zstd stream ends early: the file is cut off' : `the zstd stream is broken (${message})`;
    return new BlissError({ code: 'DataCorrupt', where: file, message: what, mend: 'copy or download the file anew', cause: error });
  }
  return error;
}
