import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../code-of.js';
import { asBlissError, BlissError } from '../errors.js';
import { syncFolder } from './atomic-file.js';
import { checkKey } from './keys.js';
import type { BlobContent, BlobInfo, Blobs } from './types.js';

const TEMPORARY = '.tmp-';
/** A writer touches its temporary as it goes, so one untouched for a day belongs to a killed writer. */
const STALE_AFTER_MS = 24 * 3_600_000;
/** A folder can vanish between its making and its use when the last key beside ours is deleted; often would be a fault. */
const TRIES = 5;

export interface FileBlobsOptions {
  readonly root: string;
  /** age at which a temporary of a killed writer is removed, ms. @default one day */
  readonly staleAfterMs?: number;
}

/**
 * Blobs as files under a folder. A key appears by link(2), which never overwrites and is all or nothing;
 * content and folders are synced first, so that a key that was seen survives a power cut.
 * Content in a file is copied (shared blocks where the file system has them), so that later writes to that file cannot reach the store;
 * a file that is given becomes the blob, where it lies on the same file system.
 */
export function fileBlobs({ root, staleAfterMs = STALE_AFTER_MS }: FileBlobsOptions): Blobs {
  const base = path.resolve(root);
  const fileOf = (key: string): string => {
    checkKey(key);
    return path.join(base, ...key.split('/'));
  };

  async function putIfAbsent(key: string, content: BlobContent): Promise<boolean> {
    const file = fileOf(key);
    for (let attempt = 1; ; attempt++) {
      try {
        return await put(file, content);
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && attempt < TRIES && (await sourceExists(content))) continue;
        throw explained(error, file);
      }
    }
  }

  async function getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    if (!(start >= 0 && end >= start)) throw new RangeError(`range [${start}, ${end}) of ${key}`);
    const handle = await open(await localFile(key), 'r').catch((error: unknown) => { throw missing(error, key); });
    try {
      const stop = Math.min(end, (await handle.stat()).size);
      const bytes = Buffer.alloc(Math.max(0, stop - start));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await handle.close();
    }
  }

  async function list(prefix: string): Promise<readonly BlobInfo[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '') checkKey(folder.slice(0, -1));
    const found: BlobInfo[] = [];
    await walk({ folder: path.join(base, folder), key: folder, prefix, found, staleAfterMs });
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async function remove(key: string): Promise<void> {
    const file = fileOf(key);
    await unlink(file).catch((error: unknown) => { if (!isAbsent(error) && codeOf(error) !== 'EISDIR') throw error; });
    await tidy(path.dirname(file), base);
  }

  async function localFile(key: string): Promise<string> {
    const file = fileOf(key);
    const info = await stat(file).catch((error: unknown) => { throw missing(error, key); });
    if (!info.isFile()) throw missing({ code: 'ENOENT' }, key);
    return file;
  }

  return { putIfAbsent, getRange, list, delete: remove, localFile, folder: base };
}

async function put(file: string, content: BlobContent): Promise<boolean> {
  const folder = path.dirname(file);
  if (await isFile(file)) {
    await syncFolder(folder); // the other writer may not have come so far
    return false;
  }
  await makeFolder(folder);
  if (!(content instanceof Uint8Array) && content.given === true) {
    const made = await linkGiven(content.file, file);
    if (made !== undefined) return made;
  }
  const temporary = path.join(folder, `${TEMPORARY}${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    if (!(content instanceof Uint8Array)) await copyFile(content.file, temporary, constants.COPYFILE_FICLONE);
    const handle = await open(temporary, content instanceof Uint8Array ? 'wx' : 'r+');
    try {
      if (content instanceof Uint8Array) await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const made = await linkUnlessThere(temporary, file);
    await unlink(temporary);
    await syncFolder(folder);
    return made;
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // the error that matters is the one being thrown
    throw error;
  }
}

/** @returns undefined where it must be copied after all */
async function linkGiven(from: string, file: string): Promise<boolean | undefined> {
  const handle = await open(from, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    const made = await linkUnlessThere(from, file);
    await syncFolder(path.dirname(file));
    return made;
  } catch (error) {
    if (codeOf(error) === 'EXDEV') return undefined;
    throw error;
  }
}

/** @returns false where the name is taken */
async function linkUnlessThere(from: string, file: string): Promise<boolean> {
  return link(from, file).then(() => true, async (error: unknown) => {
    if (codeOf(error) === 'EEXIST' && (await isFile(file))) return false;
    throw error;
  });
}

/** mkdir -p, with every new name synced into the folder that holds it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = path.dirname(at)) await syncFolder(path.dirname(at));
}

async function walk({ folder, key, prefix, found, staleAfterMs }: { folder: string; key: string; prefix: string; found: BlobInfo[]; staleAfterMs: number }): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  for (const entry of entries) {
    const at = key + entry.name;
    const file = path.join(folder, entry.name);
    if (entry.name.startsWith(TEMPORARY)) {
      const info = await stat(file).catch(() => undefined);
      if (info !== undefined && Date.now() - info.mtimeMs > staleAfterMs) await unlink(file).catch(() => undefined);
    } else if (entry.isDirectory()) {
      if (`${at}/`.startsWith(prefix) || prefix.startsWith(`${at}/`)) await walk({ folder: file, key: `${at}/`, prefix, found, staleAfterMs });
    } else if (entry.isFile() && at.startsWith(prefix)) {
      const info = await stat(file).catch(() => undefined); // deleted while we walk
      if (info !== undefined) found.push({ key: at, size: info.size });
    }
  }
}

/** Object stores have no folders: an empty one goes with its last key. */
async function tidy(folder: string, base: string): Promise<void> {
  for (let at = folder; at.length > base.length; at = path.dirname(at)) {
    const gone = await rmdir(at).then(() => true, () => false);
    if (!gone) return;
  }
}

const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
const isFile = (file: string): Promise<boolean> => stat(file).then((info) => info.isFile(), () => false);
const sourceExists = async (content: BlobContent): Promise<boolean> => content instanceof Uint8Array || (await isFile(content.file));

function missing(error: unknown, key: string): unknown {
  if (!isAbsent(error)) return error;
  return new BlissError({ code: 'ArtifactMissing', message: 'is not in the store', where: key, fix: 'run the stage that makes it again', cause: error });
}

function explained(error: unknown, file: string): unknown {
  if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) {
    return new BlissError({ code: 'Usage', message: 'the file system refuses hard links, which keep the store consistent', where: file, fix: 'set --home to a folder on a local disk', cause: error });
  }
  if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOTDIR') {
    return new BlissError({ code: 'DataInvalid', message: 'a key and the folder of another key have the same name', where: file, fix: 'give one of them another name', cause: error });
  }
  return asBlissError(error, file);
}
