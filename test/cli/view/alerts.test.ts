import { mkdirSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { alertLines } from '../../../cli/view/alerts.js';
import { writeJson } from '../../../cli/runs.js';
import { runHeadline, stageLine, stageTable } from '../../../cli/view/table.js';
import { viewRun } from '../../../cli/view/view.js';
import { loadConfig } from '../../../config/index.js';
import { openHome, type RunRecord, type StageProgressFile } from '../../../lib/home.js';
import type { FailedStage } from '../../../lib/stages/types.js';

const failed = (round: number): FailedStage => ({ stage: `seed-0/bliss/round-${round}/evaluation`, seed: 0, arm: 'bliss', round, reason: 'the items are gone\nfor good' });

function folderOf(onFailure: 'stop' | 'continue') {
  const home = openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-alerts-')));
  const folder = home.run('run');
  mkdirSync(folder.root, { recursive: true });
  const { config } = loadConfig({ source: 'smoke', overrides: [`evaluation.onFailure=${onFailure}`], cwd: os.tmpdir() });
  writeJson(folder.input, { run: 'run', config, configFolder: '/', scope: '' });
  const record: RunRecord = { run: 'run', workflowId: 'run', server: 'local', address: '', namespace: 'default', submittedAt: new Date().toISOString(), configDigest: '' };
  return { folder, record };
}

test('a stage that failed while the run goes on is in the headline, with the reason on one line and what comes of it', () => {
  const { folder, record } = folderOf('stop');
  const view = viewRun({ folder, record, open: 'running', failures: { count: 1, newest: [failed(1)] }, homeOption: ' --home /h' });
  expect(runHeadline(view)).toMatch(/^run: running; 0 of \d+ stages done; 1 failed; /);
  expect(alertLines(view)).toEqual(['✗ seed-0/bliss/round-1/evaluation failed: the items are gone\\nfor good', '  no other round of its arm begins, and the run ends then: fix it, then bliss resume run --home /h']);
});

test('a run that goes on without says so, and when it is done what is missing', () => {
  const { folder, record } = folderOf('continue');
  const open = viewRun({ folder, record, open: 'running', failures: { count: 7, newest: [failed(6), failed(7)] }, homeOption: '' });
  expect(alertLines(open).slice(2)).toEqual(['  … and 5 before them', '  the run goes on without (evaluation.onFailure: continue)']);
  writeJson(folder.outcome, { state: 'done', finishedAt: new Date().toISOString(), result: { run: 'run', digests: {}, metrics: [], report: {}, failed: [failed(1)] } });
  const done = viewRun({ folder, record, open: 'running', homeOption: '' });
  expect(runHeadline(done)).toContain('1 failed');
  expect(alertLines(done).at(-1)).toBe('  the run is done without; once that is fixed, bliss resume run does what is missing');
});

test('what is tried again and again is told with its number, and nothing is told of a run in which all is well', () => {
  const { folder, record } = folderOf('stop');
  const trouble = { stage: 'seed-0/prepare', activity: 'claimEpoch', failed: 12, code: 'DiskFull', message: 'no space left on the disk' };
  const view = viewRun({ folder, record, open: 'running', troubles: [trouble, { ...trouble, stage: null, activity: 'keepFinished', failed: 1 }], homeOption: '' });
  expect(alertLines(view)).toEqual([
    '! claimEpoch of seed-0/prepare has failed 12 times and is tried again: DiskFull: no space left on the disk',
    '! keepFinished has failed 1 time and is tried again: DiskFull: no space left on the disk',
  ]);
  expect(alertLines(viewRun({ folder, record, open: 'running', troubles: [], homeOption: '' }))).toEqual([]);
});

test('a stage that is at another attempt says what ended the one before, and that workers are lost in a row', () => {
  const stage = (before: StageProgressFile['before']): StageProgressFile => ({ stage: 'seed-0/prepare', state: 'running', attempt: 18, step: 0, of: 10, metrics: {}, startedAt: '', updatedAt: '', ...(before === undefined ? {} : { before }) });
  const silent = { attempt: 17, code: 'TrainerSilent', message: 'the trainer said nothing for 5 s', lost: 0 };
  expect(stageTable([stage(silent)])[0]).toMatch(/running \(attempt 18\).*attempt 17 ended: TrainerSilent: the trainer said nothing for 5 s$/);
  expect(stageLine(stage(silent))).toContain('attempt 17 ended: TrainerSilent');
  const lost = { attempt: 17, code: 'WorkerLost', message: 'no more heartbeats', lost: 17 };
  expect(stageTable([stage(lost)])[0]).toMatch(/WorkerLost: no more heartbeats; 17 in a row lost their workers with no new step: see that workers stay up and reach the server, or raise worker.heartbeatTimeout$/);
  expect(stageTable([stage({ ...lost, lost: 1 })])[0]).not.toContain('in a row');
  expect(stageTable([{ ...stage(silent), state: 'done' }])[0]).not.toContain('ended');
});
