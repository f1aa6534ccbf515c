// `npm start`: the set-up, then the demo run from raw text to report. Arguments go to `bliss run demo --fresh`.
import path from 'node:path';
import { runInOurPlace } from './command.mjs';
import { withLibraryPath } from './record.mjs';
import { ROOT, setUp } from './set-up.mjs';
import { explain } from './setup-error.mjs';

const NEXT = `
What next:
  npx bliss status             all runs and their stages
  npx bliss init my-run.yaml   a commented configuration for your own data, then: npx bliss run my-run.yaml
  npx bliss --help             everything else
`;

try {
  const { libraryPath } = await setUp();
  const main = path.join(ROOT, 'dist', 'cli', 'main.js');
  process.exitCode = await runInOurPlace(process.execPath, [main, 'run', 'demo', '--fresh', ...process.argv.slice(2)], { env: withLibraryPath(process.env, libraryPath) });
  if (process.exitCode === 0) process.stderr.write(NEXT);
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
