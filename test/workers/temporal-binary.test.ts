import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { TEMPORAL_CLI_VERSION } from '../../workers/temporal-binary.js';
import { mustRunBehind } from '../needs/machine.js';

/** root without its powers: another user, who can read this repository wherever that lies */
const WITHOUT_POWERS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'] as const;

test('a binary in a cache that another user keeps to himself is named as that, with the fix; one that he shares is taken', (context) => {
  mustRunBehind(context, WITHOUT_POWERS);
  const cache = mkdtempSync(path.join(os.tmpdir(), 'bliss-binary-'));
  const folder = path.join(cache, 'temporal', TEMPORAL_CLI_VERSION);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'temporal');
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  chownSync(folder, 65_534, 65_534);
  const script = `
    const { requireTemporalBinary } = await import(${JSON.stringify(pathToFileURL(path.join(packageRoot(), 'dist', 'workers', 'temporal-binary.js')).href)});
    try { console.log(requireTemporalBinary({ environment: { PATH: '/nowhere' }, installed: { libraryPath: [] } }).file); } catch (error) { console.log(error.code, error.message); }`;
  const look = (): string => spawnSync(WITHOUT_POWERS[0], [...WITHOUT_POWERS.slice(1), process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, BLISS_CACHE: cache } }).stdout.trim();
  chmodSync(folder, 0o700);
  expect(look()).toMatch(new RegExp(`^NotSetUp ${file}: .* is not for this user to run; .*npm run setup.*BLISS_CACHE`));
  chmodSync(folder, 0o755);
  expect(look()).toBe(file);
});
