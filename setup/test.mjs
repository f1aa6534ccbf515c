// `npm test`: the set-up of what is missing, then the tests. Arguments go to `vitest run`.
import path from 'node:path';
import { runInOurPlace } from './command.mjs';
import { withLibraryPath } from './record.mjs';
import { ROOT, setUp } from './set-up.mjs';
import { explain } from './setup-error.mjs';

/** Tests bring up servers of their own: they must not meet a user's real one. */
const OF_A_SERVER = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_PROFILE', 'TEMPORAL_API_KEY'];

try {
  const { libraryPath } = await setUp({ needTemporal: true });
  const env = withLibraryPath(process.env, libraryPath);
  for (const name of OF_A_SERVER) delete env[name];
  env['TEMPORAL_CONFIG_FILE'] = path.join(ROOT, 'node_modules', 'no-temporal-config.toml'); // none: the user's own would be read otherwise
  process.exitCode = await runInOurPlace(process.execPath, [path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], { cwd: ROOT, env });
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
