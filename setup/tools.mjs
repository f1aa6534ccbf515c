import { existsSync, statSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { capture } from './command.mjs';
import { findOnPath } from './facts.mjs';
import { megabytes } from './progress.mjs';
import { SetupError } from './setup-error.mjs';

/** npm packages of package-lock.json, unpacked: 1,020 MB seen, and what is built. */
const NODE_MODULES_BYTES = 1_090e6;

/** python3 and pip are wanted only to fetch wheels. @param {NodeJS.ProcessEnv} env */
export async function checkPip(env) {
  const { code, output } = await capture('python3', ['-m', 'pip', '--version'], { env });
  if (code === 127) throw new SetupError({ message: 'python3 was not found; it is used to fetch TensorFlow and Temporal (no Python is run otherwise)', fix: 'install it (Debian, Ubuntu: apt install python3 python3-pip; Fedora: dnf install python3-pip)' });
  if (code !== 0) throw new SetupError({ message: `python3 has no pip that works (${output.trim().split('\n').at(-1) ?? ''}); it is used to fetch TensorFlow and Temporal`, fix: 'install it (Debian, Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip)' });
}

/** The program locks a home, so that no two stacks have it. @param {NodeJS.ProcessEnv} env */
export function checkFlock(env) {
  if (findOnPath('flock', env) === null) throw new SetupError({ message: 'flock was not found; it locks the folder where runs keep their state', fix: 'install util-linux (Debian, Ubuntu: apt install util-linux; Fedora: dnf install util-linux-core)' });
}

/**
 * Room for what is about to be fetched and unpacked, in the cache and in the clone.
 * @param {object} input
 * @param {string} input.root
 * @param {string} input.cache
 * @param {readonly import('./pins.mjs').Pin[]} input.wheels to be fetched, one after the other
 * @param {boolean} input.dependencies node_modules is to be filled
 * @param {(folder: string) => number} [input.freeBytes]
 */
export function checkDisk({ root, cache, wheels, dependencies, freeBytes = freeBytesOf }) {
  // pip holds a wheel twice for a moment: as downloaded and as handed over
  const download = 2 * Math.max(0, ...wheels.map((pin) => pin.bytes));
  const inCache = download + wheels.reduce((sum, pin) => sum + pin.unpackedBytes, 0);
  const inClone = dependencies ? NODE_MODULES_BYTES : 0;
  const sameDisk = statSync(existing(cache)).dev === statSync(existing(root)).dev;
  const needs = sameDisk ? [{ folder: cache, bytes: inCache + inClone }] : [{ folder: cache, bytes: inCache }, { folder: root, bytes: inClone }];
  for (const { folder, bytes } of needs) {
    if (bytes > 0 && freeBytes(folder) < bytes) {
      throw new SetupError({ message: `too little room on the disk of ${folder}: ${megabytes(freeBytes(folder))} free, ${megabytes(bytes)} needed`, fix: folder === cache ? 'free some space, or set BLISS_CACHE to a folder on another disk' : 'free some space' });
    }
  }
}

/** @param {string} folder which need not be there yet */
function existing(folder) {
  let there = path.resolve(folder);
  while (!existsSync(there)) there = path.dirname(there);
  return there;
}

/** @param {string} folder */
function freeBytesOf(folder) {
  const { bavail, bsize } = statfsSync(existing(folder));
  return bavail * bsize;
}
