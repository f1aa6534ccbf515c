import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openHome, type Home } from '../../../lib/home.js';
import { finishedIn } from '../../../lib/timings.js';
import { bliss, place } from '../bliss.js';

/** A whole run as short as one can be, two arms. */
const CONFIG = `extends: smoke
name: short
models:
  vocabularySize: 512
  proxy: &model { architecture: llama, layers: 1, width: 32, heads: 4, keyValueHeads: 2, intermediate: 48, initStandardDeviation: 0.11, tieEmbeddings: true }
  target: *model
warmUp: { steps: 5 }
bilevel: { outerSteps: 4 }
pretraining: { steps: 5, decay: { steps: 3 } }
`;
const RUN_MS = 240_000;

describe('a run of which lines of timings.jsonl are lost', () => {
  const { folder, home: whole } = place();
  const inHome = async (home: Home, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await bliss([...args, '--home', home.root, '--json']);
    return { code, answer: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>, stderr };
  };
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'short.yaml'), CONFIG);
    const { code, stderr } = await inHome(openHome(whole), 'run', path.join(folder, 'short.yaml'), '--name', 'short');
    expect(code, stderr).toBe(0);
  }, RUN_MS);

  /** A copy of the home in which the run goes on, as far as its folder tells, and which has these lines. */
  function open(lines: (all: readonly string[]) => readonly string[]): Home {
    const home = openHome(place().home);
    cpSync(whole, home.root, { recursive: true });
    const run = home.run('short');
    for (const file of ['outcome.json', 'stages.json', 'metrics.jsonl', 'report.html']) rmSync(path.join(run.root, file));
    writeFileSync(run.timings, lines(readFileSync(run.timings, 'utf8').split('\n').filter((line) => line !== '')).map((line) => `${line}\n`).join(''));
    return home;
  }
  const asOfAnEarlierVersion = (home: Home): Home => {
    rmSync(path.join(home.store, 'refs'), { recursive: true });
    return home;
  };

  test.each([
    ['one line', (all: readonly string[]) => all.filter((line) => !line.includes('/decay"'))],
    ['all lines', () => []],
  ])('%s: gc removes nothing of it; forks and exports find all that it has finished', async (_, lines) => {
    const home = open(lines);
    if (lines([]).length === 0) rmSync(home.run('short').timings);
    expect(await inHome(home, 'gc')).toMatchObject({ code: 0, answer: { artifacts: { count: 0 }, notes: { count: 0 }, refs: { count: 0 } } });
    const fork = await inHome(home, 'fork', 'short', '--from', 'round-1/pretraining', '--set', 'pretraining.steps=6', '--dry-run');
    expect(fork.code, fork.stderr).toBe(0);
    const { stages } = fork.answer as { readonly stages: readonly { readonly stage: string; readonly state: string }[] };
    expect(stages.filter(({ state }) => state === 'to run').map(({ stage }) => stage.replace(/^.*\/round-1\//, ''))).toEqual(['pretraining', 'decay', 'evaluation', 'pretraining', 'decay', 'evaluation']);
    for (const what of ['model', 'dataset']) {
      const exported = await inHome(home, 'export', 'short', '--what', what, '--to', path.join(place().folder, what));
      expect(exported.code, exported.stderr).toBe(0);
    }
  });

  test('its report is written all the same, and says that its times are too low', async () => {
    const home = openHome(place().home);
    cpSync(whole, home.root, { recursive: true });
    rmSync(home.run('short').timings);
    const { code, stderr } = await inHome(home, 'report', 'short');
    expect(code, stderr).toBe(0);
    expect(readFileSync(home.run('short').report, 'utf8')).toMatch(/times are too low: timings\.jsonl has no line of (\d+) of \1 stages/);
    const before = readFileSync(openHome(whole).run('short').report, 'utf8');
    expect(before).not.toContain('times are too low');
    expect(before).toMatch(/TensorFlow[^]{0,80}2\.\d+\.\d+/); // by set-up's record, which the build finds from where it lies
  });

  test('of an earlier version: gc goes by its lines, and where one is lost it removes nothing and names the stage', async () => {
    const all = asOfAnEarlierVersion(open((lines) => lines));
    expect(await inHome(all, 'gc')).toMatchObject({ code: 0, answer: { artifacts: { count: 0 } } });
    const fork = await inHome(all, 'fork', 'short', '--from', 'round-1/pretraining', '--dry-run');
    expect(fork.code, fork.stderr).toBe(0);

    const lost = asOfAnEarlierVersion(open((lines) => lines.filter((line) => !line.includes('seed-0/warm-up/target"'))));
    const refused = await inHome(lost, 'gc');
    expect(refused).toMatchObject({ code: 2, answer: { error: { code: 'Usage', fix: expect.stringContaining('bliss resume short') } } });
    expect(JSON.stringify(refused.answer)).toContain('seed-0/warm-up/target');
  });

  test('begun under an earlier version and gone on with under this one: what either wrote down counts', async () => {
    const home = open((lines) => lines);
    const [first, ...others] = finishedIn(readFileSync(home.run('short').timings, 'utf8'));
    rmSync(path.join(home.store, 'refs', 'short', ...first.stage.split('/')), { recursive: true });
    writeFileSync(home.run('short').timings, `${JSON.stringify(first)}\n`);
    expect(others.length).toBeGreaterThan(5);
    expect(await inHome(home, 'gc')).toMatchObject({ code: 0, answer: { artifacts: { count: 0 } } });
    const fork = await inHome(home, 'fork', 'short', '--from', 'round-1/pretraining', '--dry-run');
    expect(fork.code, fork.stderr).toBe(0);
  });

  test('an artifact on record for another stage than made it ends a fork, and names both', async () => {
    const home = open((lines) => lines);
    const refs = path.join(home.store, 'refs', 'short', 'seed-0');
    const [held] = readdirSync(path.join(refs, 'warm-up', 'selection'));
    writeFileSync(path.join(refs, 'prepare', held.replace(/^\d+/, '000009')), '');
    const fork = await inHome(home, 'fork', 'short', '--from', 'round-1/pretraining', '--dry-run');
    expect(fork).toMatchObject({ code: 1, answer: { error: { code: 'DataCorrupt', message: expect.stringMatching(/what seed-0\/prepare of short gave, and a selection stage made it/) as string } } });
  });

  test('what a fork takes over is its own: it outlives the run that it was taken from', { timeout: RUN_MS }, async () => {
    const home = open((lines) => lines);
    const fork = await inHome(home, 'fork', 'short', '--from', 'round-1/pretraining', '--set', 'pretraining.steps=6', '--name', 'fork');
    expect(fork.code, fork.stderr).toBe(0);
    rmSync(home.run('short').root, { recursive: true });
    for (const file of [home.run('fork').input, home.run('fork').timings, home.run('fork').outcome, path.join(home.run('fork').root, 'stages.json')]) renameSync(file, `${file}.lost`);
    expect((await inHome(home, 'gc')).answer['refs']).not.toMatchObject({ count: 0 });
    renameSync(`${home.run('fork').input}.lost`, home.run('fork').input);
    expect(await inHome(home, 'export', 'fork', '--what', 'dataset', '--to', path.join(place().folder, 'rows'))).toMatchObject({ code: 0 });
    expect(await inHome(home, 'plan', home.run('fork').config)).toMatchObject({ code: 0, answer: { total: { toRun: 0 } } });

    rmSync(home.run('fork').root, { recursive: true });
    expect((await inHome(home, 'gc')).code).toBe(0);
    for (const gone of ['artifacts', 'refs', 'stages']) expect(existsSync(path.join(home.store, gone)), gone).toBe(false);
  });

  test('the folder of all runs gone at once gives none of them up', async () => {
    const home = open((lines) => lines);
    renameSync(home.runs, `${home.runs}-elsewhere`);
    for (const options of [[], ['--dry-run']]) expect(await inHome(home, 'gc', ...options)).toMatchObject({ code: 2, answer: { error: { code: 'Usage', where: home.runs } } });
    expect(existsSync(path.join(home.store, 'artifacts'))).toBe(true);
    mkdirSync(home.runs);
    expect((await inHome(home, 'gc')).code).toBe(0);
    expect(existsSync(path.join(home.store, 'artifacts'))).toBe(false);
  });

  test('a run on a configured server may be at work elsewhere, whatever the environment of who collects says', async () => {
    const home = open((lines) => lines);
    const { record } = home.run('short');
    writeFileSync(record, JSON.stringify({ ...(JSON.parse(readFileSync(record, 'utf8')) as object), server: 'configured' }));
    const refused = await inHome(home, 'gc');
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('may be at work on short');
  });
});
