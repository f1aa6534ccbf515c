import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';
import { mustRunBehind } from '../needs/machine.js';
import { tinyWheel } from './tiny-wheel.js';

const OTHER_USER = 65_534;
const AS_OTHER = ['setpriv', '--reuid', String(OTHER_USER), '--clear-groups', '--'] as const;
/** this user, with no more than a user may: it can read this repository, wherever that lies */
const WITHOUT_POWERS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'] as const;

/** A folder that others get to. */
function openFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-modes-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const setup = (file: string): string => JSON.stringify(pathToFileURL(path.join(ROOT, 'setup', file)).href);

/** Set-up code in a process of its own, as the umask is a process's. */
function run({ script, before = [], umask = 0o022, env = process.env }: { readonly script: string; readonly before?: readonly string[]; readonly umask?: number; readonly env?: NodeJS.ProcessEnv }): string {
  const imports = `import { provideWheel } from ${setup('wheel.mjs')}; import { once, shareCache } from ${setup('cache.mjs')}; import { lockClone } from ${setup('lock.mjs')}; import { explain } from ${setup('setup-error.mjs')};`;
  const whole = `${imports} process.umask(${umask}); const say = () => undefined; try { ${script} } catch (error) { console.log(explain(error)); }`;
  const [command, ...args] = [...before, process.execPath, '--input-type=module', '-e', whole];
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
  return stdout + stderr;
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;

function fetched({ umask, cache }: { readonly umask: number; readonly cache: string }): { readonly tool: string; readonly output: string; readonly script: string; readonly env: NodeJS.ProcessEnv } {
  const { pin, pipEnvironment } = tinyWheel(openFolder());
  const script = `await provideWheel({ pin: ${JSON.stringify(pin)}, cache: ${JSON.stringify(cache)}, env: process.env, say });`;
  return { tool: path.join(cache, 'tiny', '1.0', 'tool'), output: run({ script, umask, env: pipEnvironment }), script, env: pipEnvironment };
}

test('what is fetched has the modes that the umask leaves, whatever the wheel says', () => {
  for (const [umask, folder, program, text] of [[0o022, 0o755, 0o755, 0o644], [0o002, 0o775, 0o775, 0o664], [0o077, 0o700, 0o700, 0o600]] as const) {
    const { tool, output } = fetched({ umask, cache: openFolder() });
    expect(output).toBe('');
    expect([path.dirname(path.dirname(tool)), path.dirname(tool), tool, path.join(path.dirname(tool), '.complete.json')].map(modeOf)).toEqual([folder, folder, program, text]);
  }
});

test('another user can run what lies in a shared cache, and not where its owner keeps it', (context) => {
  mustRunBehind(context, AS_OTHER);
  const [command, ...args] = AS_OTHER;
  const ranBy = (tool: string): string | null => spawnSync(command, [...args, tool], { encoding: 'utf8' }).stdout;
  expect(ranBy(fetched({ umask: 0o022, cache: openFolder() }).tool)).toBe('tool\n');
  expect(ranBy(fetched({ umask: 0o077, cache: openFolder() }).tool)).toBe('');
});

test('a cache of an earlier version is opened by its owner’s next set-up, and its programs are no longer for others to change', () => {
  const cache = openFolder();
  const { tool } = fetched({ umask: 0o022, cache });
  const folder = path.dirname(tool);
  const asBefore = (): void => {
    chmodSync(folder, 0o700);
    chmodSync(tool, 0o777);
  };
  asBefore();
  expect(run({ script: `shareCache(${JSON.stringify(cache)});`, umask: 0o077 })).toBe('');
  expect([modeOf(folder), modeOf(tool)]).toEqual([0o700, 0o777]); // as its owner wants it: nobody else gets there
  expect(run({ script: `shareCache(${JSON.stringify(cache)});` })).toBe('');
  expect([modeOf(folder), modeOf(tool)]).toEqual([0o755, 0o755]);
});

test('a second user’s set-up takes what another’s cache has, locks elsewhere, and is told what to do where something is missing', (context) => {
  mustRunBehind(context, WITHOUT_POWERS);
  const cache = openFolder();
  const { script, env } = fetched({ umask: 0o022, cache });
  for (const folder of [cache, ...readdirSync(cache).map((name) => path.join(cache, name))]) chownSync(folder, OTHER_USER, OTHER_USER);
  const root = openFolder();
  const temporary = openFolder();
  const whole = `await lockClone({ root: ${JSON.stringify(root)}, cache: ${JSON.stringify(cache)}, say }, async () => { ${script} console.log('done'); });`;
  expect(run({ script: whole, before: WITHOUT_POWERS, env: { ...env, TMPDIR: temporary } })).toBe('done\n');
  expect(readdirSync(temporary)).toEqual([`bliss-locks-${process.getuid?.()}`]);
  const missing = `await once({ cache: ${JSON.stringify(cache)}, name: 'wheels/other-1.0', say, make: async () => [] });`;
  expect(run({ script: missing, before: WITHOUT_POWERS })).toMatch(new RegExp(`the cache ${cache} has no wheels/other-1\\.0 that this user may read, .*\\n.*BLISS_CACHE`));
});

test('a folder of the cache that is half made is nobody’s to open', () => {
  const cache = openFolder();
  const half = path.join(cache, 'tiny', '1.0');
  mkdirSync(half, { recursive: true });
  chmodSync(half, 0o700);
  writeFileSync(path.join(half, 'tool'), '');
  run({ script: `shareCache(${JSON.stringify(cache)});` });
  expect(modeOf(half)).toBe(0o700);
});
