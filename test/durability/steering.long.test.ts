import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readJson, readOutcome } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { bliss, place, start, until } from '../cli/bliss.js';

/** Whole runs of `smoke` with two rounds: steered by every command there is, one ends as one that nobody touched. */
/** outer steps enough that the stage still goes on when a command has come up */
const CONFIG = ['--set', 'rounds=2', '--set', 'bilevel.outerSteps=500'];
const RUN = ['--name', 'run', ...CONFIG, '--json'];
const NOTICES = `notices=${JSON.stringify({ events: ['started', 'paused', 'resumed', 'failed', 'cancelled', 'done'], command: true })}`;
/** of whoever brings the stack up: a configuration names no program */
const noticesTo = (file: string): NodeJS.ProcessEnv => ({ BLISS_NOTICE_COMMAND: JSON.stringify(['sh', '-c', 'cat >> "$0"', file]) });
const RUN_MS = 400_000;
const BILEVEL = 'seed-0/bliss/round-1/bilevel';

interface Answer {
  readonly state: string;
  readonly digests: Readonly<Record<string, string>>;
}

const bilevelOf = (home: Home): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
const runningPast = (home: Home, step: number) => until(`step ${step} of the bilevel stage`, () => {
  const progress = bilevelOf(home);
  return progress?.state === 'running' && progress.step > step ? progress : undefined;
}, RUN_MS);

async function inHome(home: Home, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly answer: Record<string, unknown>; readonly text: string }> {
  const { code, stdout, stderr } = await bliss([...args, '--json', '--home', home.root]);
  return { code, answer: JSON.parse(stdout.split('\n')[0]) as Record<string, unknown>, text: stderr };
}

test('a run that is paused, resumed, cancelled, resumed, stopped after a round and resumed ends with the digests of an undisturbed one', { timeout: 3 * RUN_MS }, async () => {
  const undisturbed = start(['run', 'smoke', ...RUN, '--home', place().home]);
  const { folder, home: root } = place();
  const home = openHome(root);
  const notices = path.join(folder, 'notices.jsonl');
  const told = { env: noticesTo(notices) };
  const first = start(['run', 'smoke', ...RUN, '--set', NOTICES, '--home', home.root], told);

  // pause: nothing runs any more, a second one is refused
  await runningPast(home, 20);
  expect(await inHome(home, 'pause', 'run')).toMatchObject({ code: 0, answer: { state: 'paused' } });
  const paused = bilevelOf(home);
  expect(paused).toMatchObject({ state: 'waiting', error: 'stopped on request; a checkpoint is saved' });
  expect((await inHome(home, 'status', 'run')).answer).toMatchObject({ state: 'paused', hint: expect.stringContaining('bliss resume run') });
  const again = await inHome(home, 'pause', 'run');
  expect(again.code).toBe(2);
  expect(again.text).toContain('the run is paused already');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(bilevelOf(home)).toEqual(paused);

  // resumed, it goes on from there; then it is cancelled
  const second = start(['resume', 'run', '--json', '--home', home.root], told);
  const resumed = await runningPast(home, (paused?.step ?? 0) + 5);
  expect(resumed.attempt).toBe(1); // another scheduling, no retry
  expect(await inHome(home, 'cancel', 'run')).toMatchObject({ code: 0, answer: { state: 'cancelled' } });
  for (const { ended } of [first, second]) expect(JSON.parse((await ended).stdout)).toMatchObject({ state: 'cancelled' });
  const late = await inHome(home, 'pause', 'run');
  expect(late.code).toBe(2);
  expect(late.text).toMatch(/the run run has ended \(cancelled\)[^]*bliss resume run/);

  // resumed once more, and ended after its first round
  const third = start(['resume', 'run', '--json', '--home', home.root], told);
  const none = await until('the run to be open again', async () => {
    const refused = await inHome(home, 'stop-after', 'run', '--round', '3');
    return refused.text.includes('the run has rounds') ? refused : undefined;
  }, RUN_MS);
  expect(none.code).toBe(2);
  expect(none.text).toMatch(/the run has rounds 1 to 2, none 3\s+fix: name one of them/);
  expect(await inHome(home, 'stop-after', 'run', '--round', '1')).toMatchObject({ code: 0, answer: { stopAfterRound: 1 } });
  const early = await third.ended;
  expect(early.code, early.stderr).toBe(0);
  expect(readOutcome(home.run('run'))).toMatchObject({ state: 'done', result: { stoppedAfterRound: 1 } });
  expect(new Set((JSON.parse(early.stdout) as { metrics: { round: number }[] }).metrics.map(({ round }) => round))).toEqual(new Set([1]));

  // the other round
  const fourth = start(['resume', 'run', '--json', '--home', home.root], told);
  await until('the second round', () => (readJson<StageProgressFile>(home.run('run').progress(BILEVEL.replace('round-1', 'round-2')))?.state === 'running' ? true : undefined), RUN_MS);
  // its device-hours are spent long since: it pauses, and goes on without a budget
  expect(await inHome(home, 'budget', 'run', '--gpu-hours', '0.0001')).toMatchObject({ code: 0, answer: { gpuHours: 0.0001 } });
  await until('the pause', async () => ((await inHome(home, 'status', 'run')).answer['state'] === 'over-budget' ? true : undefined), 60_000);
  expect((await inHome(home, 'status', 'run')).answer['hint']).toContain('bliss budget run --gpu-hours N');
  expect(await inHome(home, 'budget', 'run', '--gpu-hours', 'none')).toMatchObject({ code: 0, answer: { gpuHours: null } });
  const last = await fourth.ended;
  expect(last.code, last.stderr).toBe(0);
  const whole = await undisturbed.ended;
  expect(whole.code, whole.stderr).toBe(0);
  expect((JSON.parse(last.stdout) as Answer).digests).toEqual((JSON.parse(whole.stdout) as Answer).digests);
  // and whoever wanted to know was told; each notice goes its own way, so that two may change places
  const notes = readFileSync(notices, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { event: string; id: string; at: string }).sort((a, b) => a.at.localeCompare(b.at));
  expect(notes.map(({ event }) => event)).toEqual(['started', 'paused', 'resumed', 'cancelled', 'started', 'done', 'started', 'paused', 'resumed', 'done']);
  expect(new Set(notes.map(({ id }) => id)).size).toBe(notes.length);
  // a plan finds all of it, and says what another configuration would compute anew and why
  expect((await inHome(home, 'plan', 'smoke', ...CONFIG)).answer).toMatchObject({ total: { toRun: 0 } });
  const plan = (await inHome(home, 'plan', 'smoke', ...CONFIG, '--set', 'bilevel.outerSteps=200')).answer as { stages: { stage: string; state: string; why?: string; seconds?: number }[]; total: object };
  const planned = (stage: string) => plan.stages.find((one) => one.stage === stage);
  expect(planned(BILEVEL)).toMatchObject({ state: 'to run', why: 'bilevel.outerSteps 500 → 200', work: { amount: 200 * 8 * 2, unit: 'rows' }, seconds: expect.any(Number) });
  expect(planned('seed-0/bliss/round-1/scoring')).toMatchObject({ state: 'to run', why: 'after bilevel' });
  expect(planned('seed-0/bliss/round-2/bilevel')).toMatchObject({ why: 'after round-1/pretraining and round-1/bilevel' });
  expect(planned('seed-0/random/round-2/evaluation')).toMatchObject({ state: 'found finished' });
  // all that it has made is in use, until its folder is gone
  expect(await inHome(home, 'gc', '--dry-run')).toMatchObject({ code: 0, answer: { artifacts: { count: 0 }, notes: { count: 0 } } });
  rmSync(home.run('run').root, { recursive: true });
  expect((await inHome(home, 'gc')).code).toBe(0);
  expect(existsSync(path.join(home.store, 'artifacts'))).toBe(false);
});
