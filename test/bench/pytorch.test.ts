import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { installedPython } from '../../bench/pytorch.js';
import { packageRoot } from '../../lib/package-root.js';
import { leaveOut } from '../needs/needs.js';

const folder = path.join(packageRoot(), 'bench', 'pytorch');
const pinsOf = (file: string): string[] => readFileSync(path.join(folder, file), 'utf8').trimEnd().split('\n');

const CACHE = process.env['BLISS_CACHE'];
afterEach(() => {
  if (CACHE === undefined) delete process.env['BLISS_CACHE'];
  else process.env['BLISS_CACHE'] = CACHE;
});

test('what the environment has is pinned, each package once and to one version', (context) => {
  const lists = readdirSync(folder).filter((file) => file.endsWith('.txt'));
  expect(lists).toHaveLength(4);
  const pins = lists.flatMap(pinsOf).map((pin) => pin.split(' ')[0].toLowerCase());
  for (const pin of pins) expect(pin).toMatch(/^[\w.-]+==[\w.]+$/);
  expect(new Set(pins.map((pin) => pin.split('==')[0])).size).toBe(pins.length);

  const python = installedPython() ?? leaveOut(context, { need: 'python', why: 'the benches’ environment is not there, or not of today’s lists: `npm run bench -- install`' });
  const frozen = spawnSync(python, ['-m', 'pip', 'freeze', '--all', '--exclude', 'pip'], { encoding: 'utf8' }).stdout.trimEnd().toLowerCase().split('\n');
  expect(frozen.length).toBeGreaterThan(50);
  expect(frozen.filter((one) => !pins.includes(one))).toEqual([]); // on another platform some pins are of nothing
});

test('an environment is taken whose stamp has the lists of today, and no other', () => {
  const cache = mkdtempSync(path.join(os.tmpdir(), 'bliss-environment-'));
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
  process.env['BLISS_CACHE'] = cache;
  const environment = path.join(cache, 'bench', 'pytorch');
  const stamp = path.join(environment, 'installed-requirements.txt');
  mkdirSync(environment, { recursive: true });
  expect(installedPython()).toBeUndefined();
  const today = ['requirements.txt', 'requirements-tests.txt', 'requirements-files.txt', 'constraints.txt'].map((file) => readFileSync(path.join(folder, file), 'utf8')).join('\n');
  writeFileSync(stamp, today);
  expect(installedPython()).toBe(path.join(environment, 'bin', 'python'));
  for (const other of [pinsOf('requirements.txt').join('\n'), today.replace('torch==', 'torch==1.'), '']) {
    writeFileSync(stamp, other);
    expect(installedPython()).toBeUndefined();
  }
});
