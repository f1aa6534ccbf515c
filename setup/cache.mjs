import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isWritable } from './facts.mjs';
import { withLock } from './lock.mjs';
import { followUmask, openToOthers } from './modes.mjs';
import { SetupError } from './setup-error.mjs';

/** The user's cache, shared by clones: the same folder as `cacheFolder` of lib/home.ts. @param {NodeJS.ProcessEnv} env */
export function cacheFolder(env = process.env) {
  return path.resolve(env['BLISS_CACHE'] || path.join(env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'bliss-pipeline'));
}

/** Written last into every folder of the cache: name and size of its files that matter. */
const COMPLETE = '.complete.json';

/**
 * A folder of the cache that is whole: not half made by a killed set-up, none of its listed files lost or cut since.
 * @param {string} folder
 */
export function isComplete(folder) {
  try {
    /** @type {Record<string, number>} */
    const files = JSON.parse(readFileSync(path.join(folder, COMPLETE), 'utf8'));
    return Object.entries(files).every(([file, size]) => statSync(path.join(folder, file)).size === size);
  } catch {
    return false;
  }
}

/** Each of its folders that is whole and was made by this user for this user alone. @param {string} cache */
export function shareCache(cache) {
  for (const kind of foldersIn(cache)) openToOthers(foldersIn(kind).filter((folder) => existsSync(path.join(folder, COMPLETE))));
}

/** @param {string} folder */
function foldersIn(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
  } catch {
    return []; // not there yet, or not for this user to see: then neither for it to share
  }
}

/**
 * A folder of the cache, made once: beside, then renamed into place, so that it is there whole or not at all.
 * @param {object} input
 * @param {string} input.cache
 * @param {string} input.name folder under the cache, `tensorflow/2.21.0-cpu`
 * @param {import('./progress.mjs').Say} input.say
 * @param {(folder: string) => Promise<readonly string[]>} input.make fills the folder and names the files that must be there
 * @returns {Promise<string>} the folder
 */
export async function once({ cache, name, say, make }) {
  const folder = path.join(cache, name);
  if (isComplete(folder)) return folder;
  const partial = path.join(cache, 'partial');
  if (!isWritable(partial)) {
    throw new SetupError({ message: `the cache ${cache} has no ${name} that this user may read, and this user may not write to it`, fix: 'let its owner run this set-up there once (umask 022, so that others may read), or set BLISS_CACHE to a folder of yours' });
  }
  const key = name.replaceAll('/', '+');
  return withLock({ file: path.join(cache, 'locks', `${key}.lock`), onWait: (holder) => say(`waiting for ${holder}, which is fetching or building ${name}`) }, async () => {
    if (isComplete(folder)) return folder;
    mkdirSync(partial, { recursive: true });
    // under the lock nobody else works on this name: what lies here was left by a killed set-up
    for (const left of readdirSync(partial)) if (left.startsWith(`${key}.`)) rmSync(path.join(partial, left), { recursive: true, force: true });
    const beside = mkdtempSync(path.join(partial, `${key}.`));
    try {
      const files = await make(beside);
      writeFileSync(path.join(beside, COMPLETE), JSON.stringify(Object.fromEntries(files.map((file) => [file, statSync(path.join(beside, file)).size]))));
      followUmask(beside); // until here it was ours alone
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
      mkdirSync(path.dirname(folder), { recursive: true });
      renameSync(beside, folder);
    } finally {
      rmSync(beside, { recursive: true, force: true });
    }
    return folder;
  });
}
