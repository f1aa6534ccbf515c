import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findProcess } from '../../bench/chaos/processes.js';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { bliss, place, start, until } from '../cli/bliss.js';

const STAGE = 'seed-0/bliss/round-1/bilevel';
const WAIT_MS = 120_000;

test('workers that are killed again and again before a step end no stage, and the stage says so with their number', { timeout: 4 * WAIT_MS }, async () => {
  const home = openHome(place().home);
  const run = start(['run', 'smoke', '--name', 'run', '--json', '--home', home.root, '--set', 'worker.heartbeatTimeout=2', '--set', 'comparison.arms=[{name: bliss, selector: bliss}]']);
  const progress = (): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(STAGE));
  const log = (): string => (existsSync(home.run('run').log(STAGE)) ? readFileSync(home.run('run').log(STAGE), 'utf8') : '');
  // as often as the stack starts one again that did no work
  for (let attempt = 1; attempt <= 4; attempt++) {
    await until(`attempt ${attempt}`, () => {
      if (run.child.exitCode !== null) throw new Error(run.text());
      return new RegExp(`attempt ${attempt}: started`).test(log()) && (progress()?.step ?? 0) === 0 ? true : undefined;
    }, WAIT_MS);
    const worker = await until('its worker', () => findProcess('GPU worker', home.root), WAIT_MS);
    process.kill(worker, 'SIGKILL');
  }
  const fifth = await until('attempt 5', () => {
    const stands = progress();
    return stands?.attempt === 5 ? stands : undefined;
  }, WAIT_MS);
  expect(fifth.before).toMatchObject({ attempt: 4, code: 'WorkerLost', lost: 4 });
  const { stdout } = await bliss(['status', 'run', '--home', home.root]);
  expect(stdout).toMatch(/bilevel .*\(attempt 5\).*attempt 4 ended: WorkerLost: .*; 4 in a row lost their workers with no new step: see that workers stay up/);
  const { code, stdout: answer } = await run.ended;
  expect(code).toBe(0);
  expect(JSON.parse(answer)).toMatchObject({ state: 'done' });
});
