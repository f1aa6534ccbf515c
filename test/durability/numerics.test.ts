import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import type { StackInfo } from '../../workers/home-lock.js';
import { bliss, place, start, until, type Started } from '../cli/bliss.js';

/** Runs that are interrupted on one kind of worker and gone on with on another: real stacks, workers and trainers. */
const SHORT = ['warmUp.steps=5', 'pretraining.steps=5', 'pretraining.decay.steps=2', 'runtime.compiler=graph', 'comparison.arms=[{name: bliss, selector: bliss}]'].flatMap((setting) => ['--set', setting]);
const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const THREADS = os.availableParallelism();
/** a machine with other cores, as far as TensorFlow can tell */
const OTHER_MACHINE = { TF_NUM_INTRAOP_THREADS: String(THREADS + 1) };

describe('a run that goes on under another numerics fingerprint', () => {
  const { home: root } = place();
  const home = openHome(root);
  const bilevel = (run: string): StageProgressFile | undefined => readJson<StageProgressFile>(home.run(run).progress(BILEVEL));
  const finished = (run: string): FinishedStage | undefined => readJson<readonly FinishedStage[]>(path.join(home.run(run).root, 'stages.json'))?.find(({ stage }) => stage === BILEVEL);
  const exited = (one: Started): void => {
    if (one.child.exitCode !== null) throw new Error(one.text());
  };

  /** Ctrl-C in the bilevel stage: it saves a checkpoint. @returns its step */
  async function interrupted(run: string, settings: readonly string[]): Promise<number> {
    const started = start(['run', 'smoke', '--name', run, '--home', root, ...SHORT, ...settings.flatMap((setting) => ['--set', setting])]);
    await until('a step of the bilevel stage', () => (exited(started), (bilevel(run)?.step ?? 0) >= 1 ? true : undefined), 60_000);
    started.child.kill('SIGINT');
    expect((await started.ended).code).toBe(130);
    const [, step] = /checkpoint at step (\d+)(?![^]*checkpoint at step)/.exec(readFileSync(home.run(run).log(BILEVEL), 'utf8')) ?? [];
    return Number(step);
  }

  test('numerics: continue goes on and says from which step the result is not bit-comparable, in log, status, manifest and report', async () => {
    const step = await interrupted('goes-on', ['bilevel.outerSteps=60']);
    const { code, stderr } = await bliss(['resume', 'goes-on', '--home', root, '--json'], { env: OTHER_MACHINE });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const note = `not bit-comparable from step ${step} on`;
    expect(readFileSync(home.run('goes-on').log(BILEVEL), 'utf8')).toContain(`numerics changed: ${note}: device was 'threads=${THREADS}', is 'threads=${THREADS + 1}'`);
    expect((await bliss(['status', 'goes-on', '--home', root])).stdout).toMatch(new RegExp(`✓ ${BILEVEL} .*${note}`));
    const summary = finished('goes-on')?.results[0].summary;
    expect(summary?.['note']).toContain(note);
    const manifest = path.join(home.store, (finished('goes-on')?.results[0].ref.uri ?? '').slice('store:'.length));
    expect(readJson<{ readonly summary: object }>(manifest)?.summary).toEqual(summary);
    const report = readFileSync(home.run('goes-on').report, 'utf8');
    expect(report).toContain(`${BILEVEL} is ${note}`);
    expect(report).toMatch(/numerics fingerprint changed<\/td><td[^>]*><code[^>]*>in 1 of \d trained states/);
  }, 120_000);

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
});
