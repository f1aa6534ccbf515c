import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../lib/code-of.js';
import { BlissError } from '../lib/errors.js';
import { cacheFolder } from '../lib/home.js';
import { readInstalled, type Installed } from './installed.js';

/** The CLI whose server the set-up fetches and the tests run against. */
export const TEMPORAL_CLI_VERSION = '1.9.1';

export interface TemporalBinary {
  readonly file: string;
  /** where it was found, for `bliss doctor` */
  readonly origin: 'TEMPORAL_CLI_PATH' | 'PATH' | 'set-up' | 'cache';
}

interface Places {
  /** @default this process's */
  readonly environment?: NodeJS.ProcessEnv;
  /** what the set-up laid out. @default its record */
  readonly installed?: Installed;
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/** It, or a folder on the way to it, is another user's alone. */
function isForbidden(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EACCES';
  }
}

/**
 * One's own binary wins: TEMPORAL_CLI_PATH, then PATH, then what the set-up laid out.
 * @throws BlissError NotSetUp if TEMPORAL_CLI_PATH names no executable: silently taking another would surprise
 */
function findTemporalBinary({ environment = process.env, installed = readInstalled() }: Places = {}): TemporalBinary | undefined {
  const named = environment['TEMPORAL_CLI_PATH'];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return { file: path.resolve(named), origin: 'TEMPORAL_CLI_PATH' };
    throw new BlissError({
      code: 'NotSetUp',
      message: 'TEMPORAL_CLI_PATH names no executable file',
      where: named,
      fix: 'set TEMPORAL_CLI_PATH to the temporal binary, or unset it',
    });
  }
  for (const folder of (environment['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'temporal');
    if (folder !== '' && isExecutable(file)) return { file, origin: 'PATH' };
  }
  return laidOut(installed).find(({ file }) => isExecutable(file));
}

/** Where the set-up puts it, whether or not it is there. */
function laidOut({ temporal }: Installed): TemporalBinary[] {
  return [...(temporal === undefined ? [] : [{ file: temporal, origin: 'set-up' } as const]), { file: path.join(cacheFolder(), 'temporal', TEMPORAL_CLI_VERSION, 'temporal'), origin: 'cache' }];
}

/** @throws BlissError NotSetUp */
export function requireTemporalBinary({ environment = process.env, installed = readInstalled() }: Places = {}): TemporalBinary {
  const found = findTemporalBinary({ environment, installed });
  if (found !== undefined) return found;
  const forbidden = laidOut(installed).find(({ file }) => isForbidden(file));
  if (forbidden !== undefined) {
    throw new BlissError({
      code: 'NotSetUp',
      message: 'the Temporal server that the set-up fetched is not for this user to run',
      where: forbidden.file,
      fix: 'let the owner of that cache run `npm run setup` once (with umask 022 it opens what it made to others), or run it yourself with BLISS_CACHE set to a folder of yours, or set TEMPORAL_CLI_PATH',
    });
  }
  throw new BlissError({
    code: 'NotSetUp',
    message: 'there is no Temporal server: no TEMPORAL_ADDRESS, and no temporal binary in TEMPORAL_CLI_PATH, PATH or the cache',
    fix: 'run `npm run setup`, or set TEMPORAL_ADDRESS to your server',
  });
}
