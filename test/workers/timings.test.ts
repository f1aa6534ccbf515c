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
  const attempt = (number: number, device = true) => progressFiles(home).stage({ run: 'run', stage: 'bilevel', attempt: number, device });
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

  // a progress file that cannot be read keeps no stage from beginning, and the CPU's time is no device's
  writeFileSync(folder.progress('bilevel'), 'torn');
  const third = attempt(3, false);
  await third.started();
  await third.ended('done', {});
  expect(await deviceSeconds({ run: 'run' })).toBeCloseTo(60, 0);
});
