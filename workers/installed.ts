import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../lib/package-root.js';
import { tensorFlowEnvironment } from '../lib/tensor/environment.js';

/** What `npm start` and `npm test` laid out, as the set-up wrote it down. */
export interface Installed {
  readonly tensorflow: { readonly dir: string; readonly version: string; readonly device: 'cpu' | 'gpu' } | undefined;
  /** the Temporal binary that the set-up found or fetched */
  readonly temporal: string | undefined;
  /** folders that the dynamic linker needs for TensorFlow */
  readonly libraryPath: readonly string[];
}

interface SetupRecord {
  readonly version: number;
  readonly tensorflow?: { readonly dir: string; readonly version: string; readonly device: 'cpu' | 'gpu' };
  readonly temporal?: string | null;
  readonly libraryPath?: readonly string[];
}

const nothing: Installed = { tensorflow: undefined, temporal: undefined, libraryPath: [] };

/** Reads the set-up's record; none, or one of another version, counts as nothing installed. */
export function readInstalled(root: string = packageRoot()): Installed {
  const file = path.join(root, 'node_modules', '.bliss-setup.json');
  if (!existsSync(file)) return nothing;
  let record: SetupRecord;
  try {
    record = JSON.parse(readFileSync(file, 'utf8')) as SetupRecord;
  } catch {
    return nothing; // half-written by a set-up that is still going on: it will be whole the next time
  }
  if (record.version !== 1) return nothing;
  return { tensorflow: record.tensorflow, temporal: record.temporal ?? undefined, libraryPath: record.libraryPath ?? [] };
}

/** Environment of every process that loads TensorFlow. The linker reads LD_LIBRARY_PATH at exec, so it must be there before. */
export function tensorflowEnvironment({ installed, base = process.env }: { readonly installed: Installed; readonly base?: NodeJS.ProcessEnv }): NodeJS.ProcessEnv {
  const libraries = [...new Set([...installed.libraryPath, ...(base['LD_LIBRARY_PATH'] ?? '').split(':')])].filter((folder) => folder !== '');
  return {
    ...base,
    ...tensorFlowEnvironment({}, base),
    ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }),
    TF_CPP_MIN_LOG_LEVEL: base['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
  };
}
