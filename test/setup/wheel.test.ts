import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { provideWheel } from '../../setup/wheel.mjs';
import { temporaryFolder } from './temporary-folder.js';
import { tinyWheel } from './tiny-wheel.js';

test('only what is kept of a wheel is unpacked, with its modes; the wheel itself goes', async () => {
  const { pin, pipEnvironment } = tinyWheel(temporaryFolder());
  const cache = temporaryFolder();
  const lines: string[] = [];
  const folder = await provideWheel({ pin, cache, env: pipEnvironment, say: (line) => lines.push(line) });
  expect(execFileSync(path.join(folder, pin.essential[0] ?? ''), { encoding: 'utf8' })).toBe('tool\n');
  expect(readdirSync(folder).sort()).toEqual(['.complete.json', 'tool']);
  expect(readdirSync(path.join(cache, 'partial'))).toEqual([]);
  expect(readdirSync(path.join(cache, 'locks'))).toEqual([]);
  expect(lines[0]).toMatch(/^downloading tiny-tool 1\.0 \(.*MB\)$/);
});

test('what is there is not fetched again: no python, no pip, no word', async () => {
  const { pin, pipEnvironment } = tinyWheel(temporaryFolder());
  const cache = temporaryFolder();
  const folder = await provideWheel({ pin, cache, env: pipEnvironment, say: () => undefined });
  const lines: string[] = [];
  expect(await provideWheel({ pin, cache, env: { PATH: '/nowhere' }, say: (line) => lines.push(line) })).toBe(folder);
  expect(lines).toEqual([]);
});

test('a file of the cache that was cut is fetched anew', async () => {
  const { pin, pipEnvironment } = tinyWheel(temporaryFolder());
  const cache = temporaryFolder();
  const provide = (): Promise<string> => provideWheel({ pin, cache, env: pipEnvironment, say: () => undefined });
  const tool = path.join(await provide(), pin.essential[0] ?? '');
  truncateSync(tool, 3);
  await provide();
  expect(execFileSync(tool, { encoding: 'utf8' })).toBe('tool\n');
});

test('another file than the pinned one: the error names it, expected and found, and nothing is unpacked', async () => {
  const { pin, file, pipEnvironment } = tinyWheel(temporaryFolder());
  appendFileSync(file, 'tampered');
  const cache = temporaryFolder();
  await expect(provideWheel({ pin, cache, env: pipEnvironment, say: () => undefined })).rejects.toMatchObject({
    name: 'SetupError',
    message: expect.stringMatching(new RegExp(`${pin.file.replaceAll('.', '\\.')}.*expected sha256 ${pin.sha256}, found [0-9a-f]{64}`)),
    fix: expect.stringMatching(/pip config list/),
  });
  expect(existsSync(path.join(cache, 'tiny'))).toBe(false);
  expect(readdirSync(path.join(cache, 'partial'))).toEqual([]);
});

test('a package that the index has not: pip\'s own words and the fix', async () => {
  const { pin, pipEnvironment } = tinyWheel(temporaryFolder());
  await expect(provideWheel({ pin: { ...pin, version: '2.0' }, cache: temporaryFolder(), env: pipEnvironment, say: () => undefined })).rejects.toMatchObject({
    message: expect.stringMatching(/could not fetch tiny-tool 2\.0:[^]*No matching distribution/),
    fix: expect.stringMatching(/network and the index/),
  });
});
