import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { packageRoot } from '../lib/package-root.js';

/** Before all tests: many run `dist/`, and would be green on old code. Where the build is current this takes a tenth of a second; where it fails no test runs. */
export default function buildFirst(): void {
  execFileSync(process.execPath, [path.join(packageRoot(), 'setup', 'build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });
}
