import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CancelledFailure } from '@temporalio/activity';
import { expect, test, vi } from 'vitest';
import { progressFiles } from '../../activities/index.js';
import { asEndOfAttempt, type EndedAttempt } from '../../activities/attempt-end.js';
import type { HeartbeatDetails } from '../../activities/interruptions.js';
import { StageFailed, TrainerCrashed, TrainerSilent } from '../../activities/trainer.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';

const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-ends-')));
let runs = 0;

/** An attempt at step 7 of 10 with a checkpoint at 5, which ends with `error`: what Temporal is told, and what people are. */
async function ends(error: unknown, { stop, crashes = 0, doing }: { /** why it is cancelled */ readonly stop?: unknown; readonly crashes?: number; readonly doing?: string } = {}) {
  const run = `run-${runs++}`;
  const files = progressFiles(home).stage({ run, stage: 'bilevel', epoch: 1, attempt: 3, device: true });
  await files.started();
  const controller = new AbortController();
  if (stop !== undefined) controller.abort(stop);
  let details: HeartbeatDetails = { scheduling: `${run}/bilevel/1`, attempt: 3, interruptions: [], step: 7, of: 10, checkpoint: 5, crashes };
  const heartbeat = (change: Partial<HeartbeatDetails>): void => void (details = { ...details, ...change });
  const attempt: EndedAttempt = { run, stage: 'bilevel', files, cancellation: controller.signal, doing, heartbeatTimeout: 30, compileTimeout: 600, details: () => details, heartbeat };
  const failure = await asEndOfAttempt(error, attempt);
  const shown = JSON.parse(readFileSync(home.run(run).progress('bilevel'), 'utf8')) as StageProgressFile;
  return { failure, shown, details, log: () => readFileSync(home.run(run).log('bilevel'), 'utf8') };
}
const failed = (code: string, retryable: boolean): StageFailed => new StageFailed(code, 'what was wrong', retryable, 'what to do', undefined);
const stopped = failed('Stopped', true);

test('an attempt that people stopped ends as cancelled, and waits', async () => {
  const reason = new CancelledFailure('CANCELLED');
  expect(await ends(stopped, { stop: reason })).toMatchObject({ failure: reason, shown: { state: 'waiting', error: 'stopped on request; a checkpoint is saved' }, details: { interruptions: [], crashes: 0 } });
  expect(await ends(new TrainerSilent('it said nothing'), { stop: reason })).toMatchObject({ failure: reason, shown: { state: 'waiting', error: 'stopped on request: it said nothing' } });
});

test('an attempt that the server has given up leaves the stage’s files to its successor', async () => {
  const reason = new CancelledFailure('TIMED_OUT');
  const { failure, shown, log } = await ends(stopped, { stop: reason });
  expect(failure).toBe(reason);
  expect(shown.state).toBe('running');
  await vi.waitFor(() => expect(log()).toContain('ended: TIMED_OUT'));
});

test('an attempt whose worker is told to stop is followed by another, which goes on from the checkpoint; it is no crash', async () => {
  for (const error of [stopped, new TrainerSilent('it said nothing')]) {
    const { failure, shown, details } = await ends(error, { stop: new CancelledFailure('WORKER_SHUTDOWN'), crashes: 4 });
    const message = 'the worker was told to stop at step 7 of 10; the next attempt goes on from the checkpoint at step 5';
    expect(failure).toMatchObject({ type: 'Preempted', nonRetryable: false, message });
    expect(shown).toMatchObject({ state: 'preempted', error: message });
    expect(details).toMatchObject({ crashes: 4, interruptions: [{ attempt: 3, code: 'Preempted', message }] });
  }
});

test('a fault that no further try fixes ends the stage, with its fix', async () => {
  const { failure, shown } = await ends(failed('DataInvalid', false));
  expect(failure).toMatchObject({ type: 'DataInvalid', nonRetryable: true, message: 'bilevel: what was wrong', details: [{ fix: 'what to do' }] });
  expect(shown.state).toBe('failed');
});

test('a crash is counted and followed by another attempt; the fifth in a row ends the stage, with what to do', async () => {
  const once = await ends(new TrainerCrashed('it died'), { crashes: 3 });
  expect(once.failure).toMatchObject({ type: 'TrainerCrashed', nonRetryable: false, message: 'it died (step 7 of 10); the next attempt goes on from the checkpoint at step 5', details: [{ crashes: 4 }] });
  expect(once.shown.state).toBe('preempted');
  const { failure, shown } = await ends(new TrainerCrashed('it died'), { crashes: 4 });
  expect(failure).toMatchObject({ type: 'CrashLoop', nonRetryable: true, message: expect.stringContaining('bilevel: 5 crashes in a row without a new checkpoint; the last: it died; ') });
  expect(shown.state).toBe('failed');
  expect((await ends(new TrainerSilent('silent'), { crashes: 4 })).failure).toMatchObject({ message: expect.stringContaining('raise worker.heartbeatTimeout (30 s)') });
  expect((await ends(new TrainerSilent('silent'), { crashes: 4, doing: 'compiling' })).failure).toMatchObject({ message: expect.stringContaining('raise worker.compileTimeout (600 s)') });
});

test('what waiting fixes is tried again every few seconds for as long as it takes, and counts as no crash', async () => {
  const { failure, shown, details } = await ends(failed('DiskFull', true), { crashes: 4 });
  expect(failure).toMatchObject({ type: 'DiskFull', nonRetryable: false, nextRetryDelay: '10s' });
  expect(shown.state).toBe('waiting');
  expect(details.crashes).toBe(4);
});

test('an attempt that finds itself overtaken says so in the log alone', async () => {
  const { failure, shown, log } = await ends(failed('Fenced', true));
  expect(failure).toMatchObject({ type: 'Fenced', nonRetryable: false });
  expect(shown.state).toBe('running');
  await vi.waitFor(() => expect(log()).toContain('what was wrong'));
});

test('what is no word of a trainer’s stays as it is: Temporal tries again', async () => {
  const error = new TypeError('a fault of the code');
  expect(await ends(error)).toMatchObject({ failure: error, shown: { state: 'failed', error: 'a fault of the code' } });
});
