import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { packageRoot } from '../../lib/package-root.js';
import type { StackInfo } from '../../workers/home-lock.js';
import { bliss, start, until } from '../cli/bliss.js';
import { BILEVEL, exited, numericsHome, OTHER_MACHINE, SHORT, THREADS } from './numerics-runs.js';

const { root, home, bilevel, finished, interrupted } = numericsHome();

test('numerics: strict waits, says for what, and a worker that fits takes it to the bits of a run that was never interrupted', async () => {
  const settings = ['bilevel.outerSteps=61', 'runtime.numerics=strict'];
  await interrupted('waits', settings);
  const resume = start(['resume', 'waits', '--home', root, '--json'], { env: OTHER_MACHINE });
  onTestFinished(() => void resume.child.kill('SIGKILL'));
  const waiting = await until('a stage that waits', () => (exited(resume), bilevel('waits')?.state === 'waiting' ? bilevel('waits') : undefined), 60_000);
  expect(waiting?.error).toMatch(new RegExp(`computed under another numerics fingerprint \\(device was 'threads=${THREADS}', is 'threads=${THREADS + 1}'\\); start a worker like the one before, or set runtime.numerics to continue`));
  // between two tries: it tries again every ten seconds
  await until('its status', async () => (new RegExp(`· ${BILEVEL} +waiting .*another numerics fingerprint`).test((await bliss(['status', 'waits', '--home', root])).stdout) ? true : undefined), 60_000);

  const { address, namespace } = readJson<StackInfo>(home.stackFile) ?? {};
  const worker = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', root, '--address', address ?? '', '--namespace', namespace ?? ''], { stdio: 'ignore', env: { ...process.env, TF_NUM_INTRAOP_THREADS: String(THREADS) } });
  onTestFinished(() => void worker.kill('SIGKILL'));
  const { code, stderr } = await resume.ended;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(finished('waits')?.results[0].summary['note']).toBeUndefined();
  const undisturbed = await bliss(['run', 'smoke', '--name', 'undisturbed', '--fresh', '--home', root, '--json', ...SHORT, ...settings.flatMap((setting) => ['--set', setting])]);
  expect(undisturbed.code).toBe(0);
  expect(finished('waits')?.results[0].ref.digest).toBe(finished('undisturbed')?.results[0].ref.digest);
}, 300_000);
