// `npm run setup`: the set-up alone.
import { explain } from './setup-error.mjs';
import { setUp } from './set-up.mjs';

try {
  await setUp();
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
