import { mkdirSync, mkdtempSync, readFileSync, writeFileSync, appendFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createRunFolderActivities, progressFiles } from '../../activities/index.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { openHome } from '../../lib/home.js';
import { parseTimings } from '../../lib/timings.js';

test('device time counts every attempt, killed ones to their last sign of life, and stumbles over no cut-off line', async () => {
  const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-timings-')));
  const folder = home.run('run');
  const attempt = (number: number, device = true) => progressFiles(home).stage({ run: 'run', stage: 'bilevel', epoch: 1, attempt: number, device });
  mkdirSync(folder.progressFolder, { recursive: true });
  const killed = { stage: 'bilevel', state: 'running', attempt: 1, step: 7, of: 10, metrics: {}, device: true, startedAt: '2026-11-25T05:00:00.000Z', updatedAt: '2026-11-25T05:01:00.000Z' };
  writeFileSync(folder.progress('bilevel'), JSON.stringify(killed));
  const { deviceSeconds } = createRunFolderActivities({ store: openStore({ blobs: fileBlobs({ root: home.store }), codeVersion: 'test' }), home });
  expect(await deviceSeconds({ run: 'run' })).toBe(60); // its progress file is all there is of it

  const second = attempt(2);
  await second.started();
  expect(parseTimings(readFileSync(folder.timings, 'utf8'))).toMatchObject([{ stage: 'bilevel', attempt: 1, state: 'lost', seconds: 60, step: 7, device: true }]);
  await second.ended('done', { artifact: 'store:artifacts/x/manifest.json' });
  expect(parseTimings(readFileSync(folder.timings, 'utf8'))[1]).toMatchObject({ attempt: 2, state: 'done', artifact: 'store:artifacts/x/manifest.json' });
  appendFileSync(folder.timings, '{"stage":"bil');
  expect(await deviceSeconds({ run: 'run' })).toBeCloseTo(60, 0);

  // a line that a kill cut off takes none of those after it with it, and one that is lost leaves the progress file
  const third = attempt(3);
  await third.started();
  await third.ended('done', {});
  expect(parseTimings(readFileSync(folder.timings, 'utf8')).map(({ attempt: number }) => number)).toEqual([1, 2, 3]);
  writeFileSync(folder.timings, '');
  writeFileSync(folder.progress('bilevel'), JSON.stringify({ ...killed, state: 'done' }));
  expect(await deviceSeconds({ run: 'run' })).toBe(60);

  // a progress file that cannot be read keeps no stage from beginning, and the CPU's time is no device's
  writeFileSync(folder.progress('bilevel'), 'torn');
  const fourth = attempt(4, false);
  await fourth.started();
  await fourth.ended('done', {});
  expect(await deviceSeconds({ run: 'run' })).toBe(0);
});

test('an attempt that was given up and ends later than its successor began leaves the stage’s files to it, and its device time is counted once', async () => {
  const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-timings-')));
  const folder = home.run('run');
  const attempt = (epoch: number, number: number) => progressFiles(home).stage({ run: 'run', stage: 'bilevel', epoch, attempt: number, device: true });
  const lines = (): string[] => readFileSync(folder.timings, 'utf8').trim().split('\n');
  const stands = (): Record<string, unknown> => JSON.parse(readFileSync(folder.progress('bilevel'), 'utf8')) as Record<string, unknown>;
  const stoodStill = attempt(1, 2);
  await stoodStill.started();
  const successor = attempt(2, 1); // after a pause: attempts are counted anew, epochs go on
  await successor.started();
  expect(lines()).toHaveLength(1);

  stoodStill.phase('saving'); // thawed
  await stoodStill.ended('preempted', { error: 'the trainer process ended' });
  expect(lines()).toHaveLength(1);
  expect(stands()).toMatchObject({ epoch: 2, attempt: 1, state: 'running' });
  expect(readFileSync(folder.log('bilevel'), 'utf8')).toContain('attempt 2: preempted: the trainer process ended');
  await successor.ended('done', {});
  expect(lines().map((line) => JSON.parse(line) as object)).toMatchObject([{ attempt: 2, state: 'lost' }, { attempt: 1, state: 'done' }]);
  expect(stands()).toMatchObject({ epoch: 2, state: 'done' });
});

test('of two lines of one attempt the first counts, and an attempt that has its line is not counted by its progress file too', async () => {
  const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-timings-')));
  const folder = home.run('run');
  mkdirSync(folder.progressFolder, { recursive: true });
  const one = { stage: 'bilevel', attempt: 1, startedAt: '2026-11-25T05:00:00.000Z', device: true, step: 7 };
  const line = (more: object): void => appendFileSync(folder.timings, `${JSON.stringify({ ...one, ...more })}\n`);
  line({ state: 'lost', seconds: 60 });
  line({ state: 'preempted', seconds: 90 });
  line({ state: 'done', seconds: 5, startedAt: '2026-11-25T06:00:00.000Z' }); // the first attempt of another epoch
  writeFileSync(folder.progress('bilevel'), JSON.stringify({ ...one, state: 'running', updatedAt: '2026-11-25T05:01:00.000Z' }));
  expect(parseTimings(readFileSync(folder.timings, 'utf8')).map(({ seconds }) => seconds)).toEqual([60, 5]);
  const { deviceSeconds } = createRunFolderActivities({ store: openStore({ blobs: fileBlobs({ root: home.store }), codeVersion: 'test' }), home });
  expect(await deviceSeconds({ run: 'run' })).toBe(65);
});
