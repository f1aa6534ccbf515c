import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * What is in a folder gets the modes that this process's umask leaves, as if it had been made here by a plain `mkdir` and `cp`: who may use the cache is
 * its owner's to say, and neither a wheel's modes nor those of temporary folders say it. Programs stay programs.
 * @param {string} folder
 */
export function followUmask(folder) {
  const left = 0o777 & ~process.umask();
  chmodSync(folder, left | (lstatSync(folder).mode & 0o7000));
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) followUmask(file);
    else if (entry.isFile()) chmodSync(file, (lstatSync(file).mode & 0o111) !== 0 ? left : left & 0o666);
  }
}

/**
 * Folders of earlier set-ups are 0700 whatever the umask was, with programs in them that anybody may write to. Those of others are left to them.
 * @param {readonly string[]} folders
 */
export function openToOthers(folders) {
  for (const folder of folders) {
    const { mode, uid } = lstatSync(folder);
    if ((mode & 0o777) === 0o700 && (process.umask() & 0o077) !== 0o077 && uid === process.getuid?.()) followUmask(folder);
  }
}
