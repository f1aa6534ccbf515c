import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * `node_modules/.bliss-setup.json`: where the set-up found each thing. The runtime reads it.
 * @typedef {object} SetupRecord
 * @property {1} version of this file's shape
 * @property {{ dir: string, version: string, device: 'cpu' | 'gpu' }} tensorflow
 * @property {string | null} temporal path of the Temporal CLI; null where a server's address is configured and no CLI was found
 * @property {string[]} libraryPath folders for LD_LIBRARY_PATH, which the loader reads at a process's start: CUDA's
 */

/** @param {string} root */
const recordFile = (root) => path.join(root, 'node_modules', '.bliss-setup.json');

/** @param {string} root @returns {SetupRecord | null} null where no set-up came to its end */
export function readRecord(root) {
  try {
    const record = JSON.parse(readFileSync(recordFile(root), 'utf8'));
    return record.version === 1 ? record : null;
  } catch {
    return null;
  }
}

/** @param {string} root @param {SetupRecord} record */
export function writeRecord(root, record) {
  const file = recordFile(root);
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (JSON.stringify(readRecord(root)) === JSON.stringify(record)) return;
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
}

/**
 * The environment with these folders first on the loader's path.
 * @param {NodeJS.ProcessEnv} env @param {readonly string[]} folders
 * @returns {NodeJS.ProcessEnv}
 */
export function withLibraryPath(env, folders) {
  if (folders.length === 0) return { ...env };
  const present = (env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return { ...env, LD_LIBRARY_PATH: [...folders, ...present.filter((folder) => !folders.includes(folder))].join(':') };
}
