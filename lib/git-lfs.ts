import { open } from 'node:fs/promises';
import { BlissError } from './errors.js';

/** @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer is text of less than 1,024 bytes that begins so */
const BEGINNING = Buffer.from('version https://git-lfs.github.com/spec/v1');
export const LFS_POINTER_BYTES = 1_024;

/** Whether a file that begins so stands for one that was not fetched. */
export const isLfsPointer = (head: Uint8Array): boolean => Buffer.compare(head.subarray(0, BEGINNING.length), BEGINNING) === 0;

export const lfsPointer = (file: string): BlissError => new BlissError({ code: 'DataInvalid', where: file, message: 'it is a pointer of Git LFS: the file itself was not fetched', fix: 'fetch it by `git lfs pull` in its repository' });

/** For readers of forms that a pointer cannot be. @throws BlissError DataInvalid where the file is one; what else is wrong with it is not asked */
export async function refuseLfsPointer(file: string): Promise<void> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    const head = Buffer.alloc(BEGINNING.length);
    const { bytesRead } = await handle.read(head, 0, head.length, 0).catch(() => ({ bytesRead: 0 }));
    if (isLfsPointer(head.subarray(0, bytesRead))) throw lfsPointer(file);
  } finally {
    await handle.close();
  }
}
