// `npm test`: the set-up of what is missing, then the tests. Arguments go to `vitest run`.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInOurPlace } from './command.mjs';
import { withLibraryPath } from './record.mjs';
import { ROOT, setUp } from './set-up.mjs';
import { explain } from './setup-error.mjs';
import { checkTestFolder } from './test-folder.mjs';

/** Tests bring up servers of their own: they must not meet a user's real one. */
const OF_A_SERVER = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_PROFILE', 'TEMPORAL_API_KEY'];

try {
  checkTestFolder(ROOT);
  const { libraryPath, tensorflow } = await setUp({ needTemporal: true });
  /** @type {{ tensorFlowEnvironment(options: { deterministic: boolean }, inherited: NodeJS.ProcessEnv): Record<string, string> }} */
  const { tensorFlowEnvironment } = await import(pathToFileURL(path.join(ROOT, 'dist', 'lib', 'tensor', 'environment.js')).href);
  const inherited = withLibraryPath(process.env, libraryPath);
  // several processes share a GPU, and figures that are compared must not come from TF32
  const env = { ...inherited, ...tensorFlowEnvironment({ deterministic: tensorflow.device === 'gpu' }, inherited) };
  for (const name of OF_A_SERVER) delete env[name];
  env['TEMPORAL_CONFIG_FILE'] = path.join(ROOT, 'node_modules', 'no-temporal-config.toml'); // none: the user's own would be read otherwise
  process.exitCode = await runInOurPlace(process.execPath, [path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], { cwd: ROOT, env });
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
