import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { BlissError } from '../lib/errors.js';
import { cacheFolder } from '../lib/home.js';
import { readInstalled } from './installed.js';

/** The CLI whose server the set-up fetches and the tests run against. */
export const TEMPORAL_CLI_VERSION = '1.9.1';

export interface TemporalBinary {
  readonly file: string;
  /** where it was found, for `bliss doctor` */
  readonly origin: 'TEMPORAL_CLI_PATH' | 'PATH' | 'set-up' | 'cache';
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/**
 * One's own binary wins: TEMPORAL_CLI_PATH, then PATH, then what the set-up laid out.
 * @throws BlissError NotSetUp if TEMPORAL_CLI_PATH names no executable: silently taking another would surprise
 */
export function findTemporalBinary(environment: NodeJS.ProcessEnv = process.env): TemporalBinary | undefined {
  const named = environment['TEMPORAL_CLI_PATH'];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return { file: path.resolve(named), origin: 'TEMPORAL_CLI_PATH' };
    throw new BlissError({
      code: 'NotSetUp',
      message: 'TEMPORAL_CLI_PATH names no executable file',
      where: named,
      mend: 'set TEMPORAL_CLI_PATH to the temporal binary, or unset it',
    });
  }
  for (const folder of (environment['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'temporal');
    if (folder !== '' && isExecutable(file)) return { file, origin: 'PATH' };
  }
  const installed = readInstalled().temporal;
  if (installed !== undefined && isExecutable(installed)) return { file: installed, origin: 'set-up' };
  const cached = path.join(cacheFolder(), 'temporal', TEMPORAL_CLI_VERSION, 'temporal');
  return isExecutable(cached) ? { file: cached, origin: 'cache' } : undefined;
}

/** @throws BlissError NotSetUp */
export function requireTemporalBinary(environment: NodeJS.ProcessEnv = process.env): TemporalBinary {
  const found = findTemporalBinary(environment);
  if (found !== undefined) return found;
  throw new BlissError({
    code: 'NotSetUp',
    message: 'there is no Temporal server: no TEMPORAL_ADDRESS, and no temporal binary in TEMPORAL_CLI_PATH, PATH or the cache',
    mend: 'run `npm run setup`, or set TEMPORAL_ADDRESS to your server',
  });
}
