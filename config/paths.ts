import os from 'node:os';
import path from 'node:path';

/** A path of the configuration as an absolute one: relative ones start from the folder of its file, `~/` from the user's home. Globs pass through. */
export function resolvePath({ configFolder, path: written }: { readonly configFolder: string; readonly path: string }): string {
  if (written === '~' || written.startsWith('~/')) return path.join(os.homedir(), written.slice(1));
  return path.resolve(configFolder, written);
}
