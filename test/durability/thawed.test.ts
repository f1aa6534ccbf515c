import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findProcess } from '../../bench/chaos/processes.js';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import type { Timing } from '../../lib/timings.js';
import type { StackInfo } from '../../workers/home-lock.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { place, processesWith, start, until } from '../cli/bliss.js';

const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const WAIT_MS = 120_000;

test('a worker that stands still past its timeout and is thawed finds its trainer dead and its stage elsewhere: device time stays counted once, and the progress file its successor’s', { timeout: 3 * WAIT_MS }, async () => {
  const home = openHome(place().home);
  const folder = home.run('run');
  const run = start(['run', 'smoke', '--name', 'run', '--json', '--home', home.root, '--set', 'bilevel.outerSteps=600']);
  const progress = (): StageProgressFile | undefined => readJson<StageProgressFile>(folder.progress(BILEVEL));
  const runningPast = (step: number, attempt: number) => until(`step ${step} of attempt ${attempt}`, () => {
    if (run.child.exitCode !== null) throw new Error(run.text());
    const stands = progress();
    return stands?.state === 'running' && stands.attempt === attempt && stands.step > step ? true : undefined;
  }, WAIT_MS);
  let second: ReturnType<typeof spawn> | undefined;
  try {
    await runningPast(30, 1);
    const worker = findProcess('GPU worker', home.root) ?? 0;
    const [trainer] = processesWith('trainer/child.js').filter((pid) => new RegExp(`^PPid:\\s+${worker}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8')));
    process.kill(worker, 'SIGSTOP');
    process.kill(trainer, 'SIGKILL');
    const address = readJson<StackInfo>(home.stackFile)?.address ?? '';
    second = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', home.root, '--address', address], { env: tensorflowEnvironment({ installed: readInstalled() }), stdio: 'ignore' });
    await runningPast(0, 2);
    process.kill(worker, 'SIGCONT');
    await until('the word of the thawed attempt', () => (readFileSync(folder.log(BILEVEL), 'utf8').includes('attempt 1: preempted: the trainer process ended by SIGKILL') ? true : undefined), WAIT_MS);
    expect(progress()).toMatchObject({ attempt: 2, state: 'running' });
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
  } finally {
    second?.kill('SIGKILL');
    run.child.kill('SIGKILL');
    await run.ended;
  }
  const lines = readFileSync(folder.timings, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Timing);
  expect(lines.filter(({ stage }) => stage === BILEVEL)).toMatchObject([{ attempt: 1, state: 'lost' }, { attempt: 2, state: 'done' }]);
});
