import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isWritable } from './facts.mjs';
import { isErrno } from './setup-error.mjs';

/** A holder on another host is given up when it has not touched its lock for so long. */
const STALE_AFTER_MS = 60_000;
const TOUCH_EVERY_MS = 5_000;
const LOOK_EVERY_MS = 200;

/**
 * One set-up at a time does the work, the others wait and find it done. The lock only saves double work: all work is
 * done beside and renamed into place, so two holders (after a wrongly given up lock) do no harm.
 * A holder that was killed is recognised by its process, started when the lock says it was, being gone.
 * @template T
 * @param {{ file: string, onWait: (holder: string) => void }} lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock({ file, onWait }, work) {
  mkdirSync(path.dirname(file), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), started: startOf(process.pid) });
  let waited = false;
  while (!tryTake(file, mine)) {
    const holder = holderOf(file);
    if (holder !== null && isStale(holder, file)) {
      giveUp(file, holder.text);
    } else {
      if (!waited && holder !== null) onWait(`process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}`);
      waited = true;
      await sleep(LOOK_EVERY_MS);
    }
  }
  const touching = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }, TOUCH_EVERY_MS);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if (holderOf(file)?.text === mine) rmSync(file, { force: true });
  }
}

/**
 * One set-up or build of a clone at a time: the second waits and finds all done. The lock is in the cache, since the
 * clone's node_modules and dist come and go; where it is another user's, who shares it, in a folder for temporary files.
 * @template T
 * @param {{ root: string, cache: string, say: import('./progress.mjs').Say }} clone
 * @param {() => Promise<T>} work
 */
export function lockClone({ root, cache, say }, work) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const locks = path.join(cache, 'locks');
  const folder = isWritable(locks) ? locks : path.join(tmpdir(), `bliss-locks-${process.getuid?.() ?? 0}`);
  return withLock({ file: path.join(folder, `clone-${name}.lock`), onWait: (holder) => say(`waiting for ${holder}, which is setting up this folder`) }, work);
}

/** `link` makes the lock with its content in one step; it fails where one is held. @param {string} file @param {string} text */
function tryTake(file, text) {
  const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(own, text);
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** @param {string} file */
function holderOf(file) {
  try {
    const text = readFileSync(file, 'utf8');
    const { pid, host, started } = JSON.parse(text);
    return { pid: Number(pid), host: String(host), started: started === null ? null : String(started), text };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    return { pid: 0, host: hostname(), started: null, text: '' }; // not a lock of ours: nobody holds it
  }
}

/** @param {{ pid: number, host: string, started: string | null }} holder @param {string} file */
function isStale(holder, file) {
  if (holder.host === hostname() && (holder.pid === 0 || startOf(holder.pid) !== holder.started)) return true;
  try {
    return Date.now() - statSync(file).mtimeMs > STALE_AFTER_MS;
  } catch {
    return false; // released this moment
  }
}

/** Renamed away first, so that of several that wait one gives it up. @param {string} file @param {string} text */
function giveUp(file, text) {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    const taken = readFileSync(aside, 'utf8');
    if (text !== '' && taken !== text) linkSync(aside, file); // somebody had been faster and holds it: put it back
  } catch (error) {
    if (!isErrno(error, 'ENOENT') && !isErrno(error, 'EEXIST')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Boot-relative start of a process: a pid alone may have been given to another since. @param {number} pid @returns {string | null} */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is the program's name in brackets and may hold spaces; start time is the 22nd, state the 3rd
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
