import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openHome } from '../../lib/home.js';
import { bliss, place, start, until } from '../cli/bliss.js';

/** A real run whose items go away under it. */
const ITEMS = path.join(import.meta.dirname, '..', 'fixtures', 'lm-eval', 'piqa');
const EVALUATION = 'seed-0/bliss/round-1/evaluation';

test('a run that goes on without an evaluation ends with a report that says so, is so told by status, and does it on resume once it is fixed', { timeout: 400_000 }, async () => {
  const { folder, home: root } = place();
  const home = openHome(root);
  const items = path.join(folder, 'piqa');
  const gone = (): void => rmSync(items, { recursive: true });
  const back = (): void => cpSync(ITEMS, items, { recursive: true });
  back();
  const config = ['--set', `evaluation.tasks=[{name: piqa, path: ${path.join(items, 'valid.jsonl')}}]`, '--set', 'evaluation.onFailure=continue', '--set', 'comparison.arms=[{name: bliss, selector: bliss}]'];
  const run = start(['run', 'smoke', '--name', 'run', ...config, '--json', '--home', root]);
  await until('the training before the evaluation', () => {
    if (run.child.exitCode !== null) throw new Error(run.text());
    return existsSync(home.run('run').progress('seed-0/bliss/round-1/pretraining')) ? true : undefined;
  }, 200_000);
  gone();
  const { code, stdout, stderr } = await run.ended;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ state: 'done', metrics: [], failed: [{ stage: EVALUATION, arm: 'bliss', round: 1, reason: expect.stringContaining('evaluation.tasks[0].path') }] });
  expect(stderr).toContain(`${EVALUATION} failed: `);
  expect(readFileSync(home.run('run').report, 'utf8')).toContain(`${EVALUATION} failed, and the run went on without it`);
  const status = await bliss(['status', 'run', '--home', root]);
  expect(status.stdout).toMatch(/^run: done; \d+ of \d+ stages done; 1 failed/);
  expect(status.stdout).toContain(`once that is fixed, bliss resume run --home ${root} does what is missing`);
  // drawn anew, it says the same
  expect((await bliss(['report', 'run', '--home', root])).code).toBe(0);
  expect(readFileSync(home.run('run').report, 'utf8')).toContain(`${EVALUATION} failed, and the run went on without it`);

  back();
  const again = await bliss(['resume', 'run', '--json', '--home', root]);
  expect(again.code).toBe(0);
  const answer = JSON.parse(again.stdout) as { readonly metrics: readonly unknown[] };
  expect(answer).not.toHaveProperty('failed');
  expect(answer.metrics).toHaveLength(1);
  expect(readFileSync(home.run('run').report, 'utf8')).not.toContain('went on without it');
});
