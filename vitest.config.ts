import { configDefaults, defineConfig } from 'vitest/config';
import { withDirectLoopback } from './workers/proxy.js';

// tests bring up servers on this machine, which a proxy of the environment knows nothing of
Object.assign(process.env, withDirectLoopback(process.env));

/** many whole runs: `npm run test:long`; the others have a short one of each kind */
const LONG = 'test/**/*.long.test.ts';
const isLong = process.env['BLISS_LONG_TESTS'] === '1';

export default defineConfig({
  test: {
    include: [isLong ? LONG : 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isLong ? [] : [LONG])],
    globalSetup: ['test/build-first.ts'],
    reporters: ['default', './test/needs/reporter.ts'],
    pool: 'forks', // TensorFlow's native library is loaded once a process and cannot be shared by threads
    maxWorkers: 2,
    testTimeout: 60_000,
    maxConcurrency: 2, // whole runs side by side on two cores
    hookTimeout: 60_000,
  },
});
