import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../code-of.js';
import { asBlissError, BlissError } from '../errors.js';
import { syncFolder } from './atomic-file.js';

export interface WriteFolderAtomic<T> {
  /** folder to write, which must not be there; its parents are made */
  readonly to: string;
  /** fills an empty folder, which takes its name when this is done */
  readonly write: (beside: string) => Promise<T>;
}

/**
 * Written beside, flushed and renamed: the folder is there whole or not at all.
 * @returns what `write` does
 * @throws BlissError Usage where `to` is there or cannot be made; DiskFull; what `write` throws
 */
export async function writeFolderAtomic<T>({ to, write }: WriteFolderAtomic<T>): Promise<T> {
  refuseExisting(to);
  const beside = path.join(path.dirname(to), `.${path.basename(to)}.${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(beside, { recursive: true }).catch((error: unknown) => {
    throw cannotBeMade(error, to);
  });
  try {
    const written = await write(beside);
    await flushAll(beside);
    refuseExisting(to);
    await rename(beside, to);
    await syncFolder(path.dirname(to));
    return written;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw explained(error, to);
  }
}

function refuseExisting(to: string): void {
  if (existsSync(to)) throw new BlissError({ code: 'Usage', message: 'there is something of that name already, and nothing is written over', where: to, fix: 'give a folder that is not there, or remove it' });
}

function cannotBeMade(error: unknown, to: string): unknown {
  const code = codeOf(error) ?? '';
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) return explained(error, to);
  return new BlissError({ code: 'Usage', message: `the folder cannot be made (${code})`, where: to, fix: 'give one whose parents are folders that you may write to', cause: error });
}

/** No run waits here for room: what was half written is gone, under whatever name it was. */
function explained(error: unknown, to: string): unknown {
  const known = asBlissError(error, to);
  if (!(known instanceof BlissError) || known.code !== 'DiskFull') return known;
  return new BlissError({ code: 'DiskFull', message: 'no space left on the disk', where: to, fix: 'free some space, or give a folder on another disk; nothing half-written is left', cause: error });
}

async function flushAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) await flushAll(at);
    else await flush(at);
  }
  await syncFolder(folder);
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
