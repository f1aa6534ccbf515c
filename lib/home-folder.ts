import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from './code-of.js';
import { asBlissError, BlissError } from './errors.js';
import type { Home } from './home.js';

const unusable = ({ root }: Home, message: string, cause?: unknown): BlissError =>
  new BlissError({ code: 'Usage', message, where: root, fix: 'give a folder that you may write to by --home or BLISS_HOME', cause });

/** Why a home cannot be one, as far as looking tells; undefined where it is or can be made. */
export function homeFault(home: Home): BlissError | undefined {
  let folder = home.root;
  while (!existsSync(folder)) folder = path.dirname(folder);
  if (!statSync(folder).isDirectory()) return unusable(home, folder === home.root ? 'the home is a file, not a folder' : `the home cannot be made: ${folder} is a file`);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return unusable(home, `${folder === home.root ? 'the home cannot be written to' : `the home cannot be made in ${folder}`} (${codeOf(error) ?? String(error)})`, error);
  }
}

/** Runs, corpora and the server's database are their owner's: who shares a home opens it by chmod. */
const OWNER_ALONE = 0o700;

/** The home's folder, made where it is missing, for its owner alone; one that is there keeps its mode. @throws BlissError Usage, DiskFull */
export function makeHome(home: Home): void {
  const fault = homeFault(home);
  if (fault !== undefined) throw fault;
  const missing: string[] = [];
  for (let folder = home.root; !existsSync(folder); folder = path.dirname(folder)) missing.unshift(folder);
  try {
    // level by level: the recursive one of Node 20 never returns where the kernel says that a folder's parent is not there, as in /proc
    for (const folder of missing) makeLevel(folder, folder === home.root ? OWNER_ALONE : undefined);
  } catch (error) {
    const known = asBlissError(error, home.root);
    throw known instanceof BlissError ? known : unusable(home, `the home cannot be made (${codeOf(error) ?? String(error)})`, error);
  }
}

function makeLevel(folder: string, mode: number | undefined): void {
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error; // another command was a moment quicker
  }
}

/** Whether other users may look into the home. */
export function isOpenToOthers({ root }: Home): boolean {
  return existsSync(root) && (statSync(root).mode & 0o077) !== 0;
}
