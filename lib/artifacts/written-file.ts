import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ManifestFile } from './types.js';

/** Bytes hashed while the ones before are on their way to the disk: neither waits long for the other. */
const CHUNK = 4 * 2 ** 20;

/**
 * Writes a new file from pieces, one after the other, and says what a manifest says of it: hashed on the way, so that it need not be
 * read again. Not synced: the store does that.
 */
export async function writeHashed(file: string, pieces: Iterable<Uint8Array>): Promise<Pick<ManifestFile, 'size' | 'sha256'>> {
  const hash = createHash('sha256');
  let size = 0;
  const handle = await open(file, 'wx');
  try {
    for (const piece of pieces) {
      for (let start = 0; start < piece.length; start += CHUNK) {
        const chunk = piece.subarray(start, start + CHUNK);
        const writing = handle.writeFile(chunk);
        hash.update(chunk);
        await writing;
        size += chunk.length;
      }
    }
  } finally {
    await handle.close();
  }
  return { size, sha256: hash.digest('hex') };
}
