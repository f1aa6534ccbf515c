// `npm run build`: the build alone, anew where a source changed.
import { cacheFolder } from './cache.mjs';
import { build, buildIsCurrent } from './compile.mjs';
import { lockClone } from './lock.mjs';
import { say } from './progress.mjs';
import { ROOT } from './set-up.mjs';
import { explain } from './setup-error.mjs';

try {
  await lockClone({ root: ROOT, cache: cacheFolder(), say }, async () => {
    if (buildIsCurrent(ROOT)) say('the build is up to date');
    else await build({ root: ROOT, env: process.env, say });
  });
} catch (error) {
  process.stderr.write(explain(error));
  process.exitCode = 1;
}
