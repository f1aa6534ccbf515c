import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EvalAnswer } from '../../cli/eval/job.js';
import { readJson } from '../../cli/runs.js';
import type { TaskPoint } from '../../lib/report/index.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { bliss, place } from './bliss.js';

const PIQA = path.join(import.meta.dirname, '..', 'fixtures', 'lm-eval', 'piqa');
const { folder, home } = place();

/** A run with a task; its items lie beside its configuration. */
function config(name: string, items?: string): string {
  const own = path.join(folder, name);
  mkdirSync(own);
  cpSync(PIQA, path.join(own, 'piqa'), { recursive: true });
  if (items !== undefined) writeFileSync(path.join(own, 'piqa', 'valid.jsonl'), items);
  const file = path.join(own, 'run.yaml');
  writeFileSync(file, 'extends: smoke\nrounds: 2\nevaluation: { tasks: [{ name: piqa, path: piqa/valid.jsonl }] }\nwarmUp: { steps: 5, warmUpSteps: 2 }\nbilevel: { outerSteps: 5 }\npretraining: { steps: 5, warmUpSteps: 2, decay: { steps: 2 } }\nruntime: { compiler: graph }\n');
  return file;
}

describe('a run with a zero-shot task', () => {
  let tasks: readonly TaskPoint[] = [];

  test('has its figures in the answer, the metrics and the report', async () => {
    const { code, stdout, stderr } = await bliss(['run', config('first'), '--name', 'first', '--home', home, '--json']);
    expect([code, stderr.includes('error:')]).toEqual([0, false]);
    ({ tasks } = JSON.parse(stdout) as { readonly tasks: readonly TaskPoint[] });
    expect(tasks.map(({ arm, round, task, metric, items }) => [arm, round, task, metric, items])).toEqual(['bliss', 'random'].flatMap((arm) => ['acc', 'acc_norm'].map((metric) => [arm, 2, 'piqa', metric, 8])));
    const run = openHome(home).run('first');
    const [acc] = tasks;
    const lines = readFileSync(run.metrics, 'utf8');
    expect(lines).toContain(`{"stage":"seed-0/bliss/round-2/evaluation","task":"piqa","items":8,"acc":${acc.value}`);
    expect(lines).toContain('{"stage":"seed-0/bliss/round-1/evaluation","task":"piqa","items":8,');
    const report = readFileSync(run.report, 'utf8');
    expect([report.includes('Zero-shot tasks'), report.includes('Earlier rounds')]).toEqual([true, true]);
    expect((await bliss(['resume', 'first', '--home', home])).stdout).toMatch(/task +metric +items +bliss, round 2 +random, round 2\npiqa +acc +8 +\d+\.\d % ± \d+\.\d % +\d+\.\d % ± \d+\.\d %\n/);
  }, 180_000);

  test('gives the same figures to bliss eval of the same arm', async () => {
    for (const arm of ['bliss', 'random']) {
      const { code, stdout, stderr } = await bliss(['eval', `first/seed-0/${arm}/round-2`, '--tasks', 'piqa', '--data', `piqa=${path.join(PIQA, 'valid.jsonl')}`, '--compiler', 'graph', '--home', home, '--json']);
      expect([code, stderr]).toEqual([0, expect.stringContaining('16 of 16 requests')]);
      const [piqa] = (JSON.parse(stdout) as EvalAnswer).tasks;
      expect(piqa.metrics.map(({ name, value, standardError }) => [name, value, standardError])).toEqual(tasks.filter((point) => point.arm === arm).map(({ metric, value, standardError }) => [metric, value, standardError]));
    }
    const none = await bliss(['eval', 'first/seed-0/bliss/round-3', '--tasks', 'piqa', '--data', `piqa=${path.join(PIQA, 'valid.jsonl')}`, '--home', home]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/has not finished seed-0\/bliss\/round-3\/decay[\s\S]*first\/seed-0\/bliss\/round-1/)]);
  }, 120_000);

  test('is found finished from another folder', async () => {
    const { code } = await bliss(['run', config('second'), '--name', 'second', '--home', home, '--json']);
    expect(code).toBe(0);
    expect(readJson<StageProgressFile>(openHome(home).run('second').progress('seed-0/bliss/round-1/evaluation'))).toMatchObject({ state: 'cached' });
  }, 120_000);

  test('is refused before it begins where an item is bad', async () => {
    const { code, stderr } = await bliss(['run', config('bad', '{"goal": "g", "sol1": "a", "sol2": "b"}\n{"goal": "g", "sol1": "a"}\n'), '--name', 'bad', '--home', home]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/bad\/piqa\/valid\.jsonl:2: no item of piqa: the field sol2/)]);
    expect((await bliss(['status', '--home', home, '--json'])).stdout).not.toContain('"bad"');
  });
});
