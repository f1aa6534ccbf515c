import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';

const NEEDS = path.join(import.meta.dirname, 'needs.ts');
const REPORTER = path.join(import.meta.dirname, 'reporter.ts');

/** Vitest itself on such a file, with the reporter of ours. */
function run({ tests, installed }: { readonly tests: string; readonly installed: boolean }): { readonly status: number | null; readonly text: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-needs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, 'some.test.ts'), `import { leaveOut } from ${JSON.stringify(NEEDS)};\n${tests}\n`);
  const { BLISS_TESTS_INSTALLED: _ours, ...environment } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', folder, '--globals', '--no-color', '--reporter=default', `--reporter=${REPORTER}`], {
    encoding: 'utf8', env: { ...environment, ...(installed ? { BLISS_TESTS_INSTALLED: '1' } : {}) },
  });
  return { status, text: stdout + stderr };
}

const LEAVES_OUT = `
  test('one', (context) => leaveOut(context, { need: 'jq', why: 'no jq on the PATH' }));
  test('two', (context) => leaveOut(context, { need: 'gpu', why: 'no GPU' }));
  test('three', () => expect(1).toBe(1));`;

test('what is not here leaves a test out, and the reasons are told', () => {
  const { status, text } = run({ tests: LEAVES_OUT, installed: false });
  expect(status, text).toBe(0);
  expect(text).toContain('1 passed | 2 skipped');
  expect(text).toContain('  jq: no jq on the PATH\n    some.test.ts > one\n  gpu: no GPU\n    some.test.ts > two\n');
});

test('where all that can be installed is, a test that misses it fails; what the machine lacks still leaves out', () => {
  const { status, text } = run({ tests: LEAVES_OUT, installed: true });
  expect(status).toBe(1);
  expect(text).toContain('1 failed | 1 passed | 1 skipped');
  expect(text).toContain('no jq on the PATH; for that (jq) no test is left out where .ci/install has run');
  expect(text).toContain('  gpu: no GPU\n    some.test.ts > two\n');
  expect(text).not.toContain('without a reason');
});

test('there a test that is skipped in another way fails the whole; elsewhere it may be one that the command line did not name', () => {
  const tests = `test.skip('one', () => undefined);\ntest('two', () => undefined);`;
  expect(run({ tests, installed: false })).toMatchObject({ status: 0, text: expect.not.stringContaining('left out') });
  expect(run({ tests, installed: true })).toMatchObject({ status: 1, text: expect.stringMatching(/left out without a reason.*\n {2}some\.test\.ts > one\n/) });
});

test('no test of ours is left out in another way', () => {
  const folder = path.join(packageRoot(), 'test');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.startsWith(`needs${path.sep}`));
  expect(files.length).toBeGreaterThan(200);
  const skips = files.filter((file) => /\.(?:skip|skipIf|runIf|todo|only)\b/.test(readFileSync(path.join(folder, file), 'utf8')));
  expect(skips).toEqual([]);
});
