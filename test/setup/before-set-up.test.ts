import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../setup/set-up.mjs';
import { temporaryFolder } from './temporary-folder.js';

/** What a fresh clone has of it. */
function freshClone(): string {
  const clone = temporaryFolder();
  for (const part of ['bin', 'setup', 'package.json', 'package-lock.json', '.npmrc']) cpSync(path.join(ROOT, part), path.join(clone, part), { recursive: true });
  return clone;
}

test.each([
  ['npx', ['--offline', '--no', 'bliss', 'run', 'demo']],
  [process.execPath, ['bin/bliss.mjs']],
])('%s: says to run npm start first, exit status 2', (program, args) => {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: freshClone(), encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: '', stderr: 'bliss: not set up yet: run "npm start" first\n' });
});

test('npx finds it from a folder below, too', () => {
  const clone = freshClone();
  mkdirSync(path.join(clone, 'docs'));
  expect(spawnSync('npx', ['--offline', '--no', 'bliss'], { cwd: path.join(clone, 'docs'), encoding: 'utf8' }).stderr).toMatch(/run "npm start" first/);
});

test.each(['a #1', 'a ?', 'a %41'])('the tests’ own runner cannot have %j in its path: said before anything is set up', (name) => {
  const clone = path.join(freshClone(), name);
  for (const part of ['setup', 'package.json', 'package-lock.json']) cpSync(path.join(ROOT, part), path.join(clone, part), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, ['setup/test.mjs'], { cwd: clone, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain(clone);
  expect(stderr).toContain('fix: clone into another folder');
});
