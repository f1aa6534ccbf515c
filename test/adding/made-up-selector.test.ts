import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parquetRows } from '../../lib/data/index.js';
import { packageRoot } from '../../lib/package-root.js';
import { inserted, MADE_UP } from './made-up-selector.js';

/*
 * A selector with a stage of its own, added in a copy of the sources by what CONTRIBUTING.md names, built there, and run there from text to report.
 */

const ROOT = packageRoot();
/** all that a build and a run read */
const SOURCES = ['cli', 'config', 'workflows', 'activities', 'workers', 'lib', 'bench', 'types', 'setup', 'bin', 'package.json', 'package-lock.json', 'tsconfig.json'];
const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-adding-'));
const copy = path.join(folder, 'copy');
const home = path.join(folder, 'home');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ARMS = 'comparison.arms=[{name: varied, selector: varied}, {name: random, selector: random}]';
const SHORT = ['data.rowsPerGroup=256', 'warmUp.steps=5', 'pretraining.steps=5', 'pretraining.decay.steps=2', ARMS].flatMap((set) => ['--set', set]);
const STAGES = ['variety', 'scoring', 'selection', 'pretraining', 'decay', 'evaluation'].map((stage) => `seed-0/varied/round-1/${stage}`);

interface Answer {
  readonly state?: string;
  readonly metrics?: readonly { readonly arm: string }[];
  readonly stages?: readonly { readonly stage: string; readonly state: string; readonly work?: { readonly amount: number } }[];
}
function bliss(args: readonly string[]): Answer {
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, BLISS_HOME: _home, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(copy, 'dist', 'cli', 'main.js'), ...args, '--home', home, '--json'], { cwd: folder, env, encoding: 'utf8' });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Answer; // our own
}

test('CONTRIBUTING names the files that are touched, six of them', () => {
  const [, paragraph] = /\*\*A selector with a stage of its own\*\*([\s\S]*?)\n\n(?!\d\. )/.exec(readFileSync(path.join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? [];
  const named = [...(paragraph ?? '').matchAll(/^\d\. `([^`]+)`/gm)].map(([, file]) => file.replace('NAME', 'variety'));
  expect(named.toSorted()).toEqual(Object.keys(MADE_UP).toSorted());
  expect(named.length).toBeLessThanOrEqual(6);
});

describe('a selector added by those files alone', () => {
  beforeAll(() => {
    mkdirSync(copy);
    for (const source of SOURCES) cpSync(path.join(ROOT, source), path.join(copy, source), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
    for (const [file, change] of Object.entries(MADE_UP)) {
      const at = path.join(copy, file);
      writeFileSync(at, typeof change === 'string' ? change : inserted(file, readFileSync(at, 'utf8'), change));
    }
    execFileSync(process.execPath, [path.join(copy, 'setup', 'build.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
  }, 180_000);

  test('is planned with its stage, and what that has to do', () => {
    const { stages = [] } = bliss(['plan', 'smoke', ...SHORT]);
    expect(stages.filter(({ stage }) => stage.includes('/varied/')).map(({ stage }) => stage)).toEqual(STAGES);
    expect(stages.find(({ stage }) => stage === STAGES[0])).toMatchObject({ state: 'to run', work: { amount: 256 } });
  });

  test('runs from text to report, which tells of it; rows are kept by the scores that its stage says', async () => {
    const { state, metrics = [] } = bliss(['run', 'smoke', '--name', 'made-up', ...SHORT]);
    expect(state).toBe('done');
    expect(new Set(metrics.map(({ arm }) => arm))).toEqual(new Set(['varied', 'random']));

    const { document } = parseHTML(readFileSync(path.join(home, 'runs', 'made-up', 'report.html'), 'utf8'));
    const section = document.getElementById('variety')?.parentElement;
    expect(section?.querySelector('h2')?.textContent).toBe('Variety of rows');
    const [, arm, , mean] = [...(section?.querySelectorAll('td') ?? [])].map(({ textContent }) => textContent);
    expect(arm).toBe('varied');
    expect(Number(mean)).toBeGreaterThan(1);

    const scores = path.join(folder, 'scores');
    bliss(['export', 'made-up', '--arm', 'varied', '--what', 'scores', '--to', scores]);
    const rows: { readonly score: number; readonly selected: boolean }[] = [];
    for await (const row of parquetRows({ file: path.join(scores, 'scores', 'part-00000-of-00001.parquet') })) rows.push({ score: Number(row['score']), selected: row['selected'] === true });
    expect(rows).toHaveLength(256);
    // counts of tokens around their mean: whole numbers apart, nothing in all
    expect(rows.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(0, 3);
    for (const { score } of rows) expect((score - rows[0].score) % 1).toBeCloseTo(0, 3);
    const [kept, left] = [true, false].map((selected) => rows.filter((row) => row.selected === selected).map(({ score }) => score));
    expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...left));

    const found = bliss(['plan', 'smoke', ...SHORT]).stages ?? [];
    expect(found.filter(({ stage, state: now }) => stage.includes('/varied/') && now === 'found finished').map(({ stage }) => stage)).toEqual(STAGES);
  }, 180_000);
});
