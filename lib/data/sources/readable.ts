import { closeSync, openSync, readSync } from 'node:fs';
import { isLfsPointer, LFS_POINTER_BYTES, lfsPointer } from '../../git-lfs.js';
import type { InputFile } from './files.js';
import { unreadable } from './read-error.js';

/** Hours before the last of them is read: each may be read, and none is a pointer of Git LFS. One after the other, so that no two are open. @throws BlissError DataInvalid */
export function requireReadable(files: readonly InputFile[]): void {
  for (const { path: file, size } of files) {
    let handle: number;
    try {
      handle = openSync(file, 'r');
    } catch (error) {
      throw unreadable(file, error) ?? error;
    }
    try {
      if (size >= LFS_POINTER_BYTES) continue;
      const head = Buffer.alloc(Math.min(size, LFS_POINTER_BYTES));
      if (isLfsPointer(head.subarray(0, readSync(handle, head, 0, head.length, 0)))) throw lfsPointer(file);
    } finally {
      closeSync(handle);
    }
  }
}
