import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../config/index.js';
import type { LoadedConfig } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';

/** A folder with `run.yaml` in it. */
export function folderWith(text: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-config-'));
  writeFileSync(path.join(folder, 'run.yaml'), text);
  return folder;
}

export const load = (text: string, overrides: readonly string[] = []): LoadedConfig => loadConfig({ source: 'run.yaml', overrides, cwd: folderWith(text) });

/** The message of the error that `run` throws, which must be ConfigInvalid. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof BlissError && error.code === 'ConfigInvalid') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

export const refused = (text: string, overrides: readonly string[] = []): string => refusal(() => load(text, overrides));
