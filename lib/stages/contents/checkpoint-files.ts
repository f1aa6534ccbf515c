import path from 'node:path';
import { writeHashed, type ManifestFile } from '../../artifacts/index.js';

/**
 * One file of a checkpoint: a text; bytes, which are copied; or pieces one after the other that are given away, as a state of gigabytes
 * is not copied for nothing: their memory moves to the thread that writes, and is empty here afterwards.
 */
export type CheckpointFile = string | Uint8Array | { readonly given: readonly Uint8Array[] };
/** by name */
export type CheckpointFiles = Readonly<Record<string, CheckpointFile>>;

/** @returns what a manifest says of them */
export async function writeFiles(folder: string, files: CheckpointFiles): Promise<ManifestFile[]> {
  const written: ManifestFile[] = [];
  for (const [name, file] of Object.entries(files)) written.push({ name, ...(await writeHashed(path.join(folder, name), piecesOf(file))) });
  return written;
}

function piecesOf(file: CheckpointFile): readonly Uint8Array[] {
  if (typeof file === 'string') return [Buffer.from(file, 'utf8')];
  return file instanceof Uint8Array ? [file] : file.given;
}

/** The same files, and the memory to move with them: what this thread writes from here on reaches none of it. */
export function movable(files: CheckpointFiles): { readonly files: CheckpointFiles; readonly memory: readonly ArrayBuffer[] } {
  const memory = new Set<ArrayBuffer>();
  /** a part of something larger is copied: the rest is another's */
  const moved = (piece: Uint8Array): Uint8Array => {
    const whole = piece.buffer instanceof ArrayBuffer && piece.byteLength === piece.buffer.byteLength && !memory.has(piece.buffer);
    const own = whole ? piece : Uint8Array.from(piece);
    if (own.buffer instanceof ArrayBuffer) memory.add(own.buffer);
    return own;
  };
  const entries = Object.entries(files).map(([name, file]): [string, CheckpointFile] => {
    if (typeof file === 'string') return [name, file];
    return [name, file instanceof Uint8Array ? moved(Uint8Array.from(file)) : { given: file.given.map(moved) }];
  });
  return { files: Object.fromEntries(entries), memory: [...memory] };
}
