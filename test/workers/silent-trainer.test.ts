import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createControlActivities, createCpuActivities, progressFiles } from '../../activities/index.js';
import { explainFailure } from '../../cli/follow/failure.js';
import { readJson } from '../../cli/runs.js';
import { stageTable } from '../../cli/view/table.js';
import { troublesOf } from '../../cli/view/troubles.js';
import { loadConfig } from '../../config/index.js';
import { BlissError } from '../../lib/errors.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { openHome, type StageProgressFile } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { createTrainer } from '../../workers/trainer/trainer.js';
import { CONTROL_QUEUE, CPU_QUEUE } from '../../workflows/types.js';
import { until } from '../cli/bliss.js';
import { startServer } from '../workflows/light-run.js';

/** A stage on a real server and a real worker, with a trainer that hangs as real ones can. */
const HEARTBEAT_TIMEOUT = 2;
const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-silent-'));
const home = openHome(folder);
const blobs = fileBlobs({ root: home.store });
const store = openStore({ blobs });
let environment: TestWorkflowEnvironment;
let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
beforeAll(async () => {
  environment = await startServer();
  workflowBundle = await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') });
}, 90_000);
afterAll(() => environment?.teardown());

/** The report's workflow with a child that does `body` when it is told to start. */
async function withChild(run: string, body: string, control: object = {}) {
  const entry = path.join(folder, `${run}.mjs`);
  writeFileSync(entry, `process.on('message', (message) => { if (message.type !== 'start') return; const { attempt } = message.task.fencingToken; ${body} });`);
  const trainer = createTrainer({ environment: process.env, entry });
  const shared = { connection: environment.nativeConnection, maxHeartbeatThrottleInterval: '1s', defaultHeartbeatThrottleInterval: '1s' } as const;
  const workers = await Promise.all([
    Worker.create({ ...shared, taskQueue: CPU_QUEUE, workflowBundle, activities: createCpuActivities({ trainer, home: home.root, progressFiles: progressFiles(home) }), maxConcurrentActivityTaskExecutions: 2 }),
    Worker.create({ ...shared, taskQueue: CONTROL_QUEUE, activities: { ...createControlActivities({ store, blobs, home, environment: {} }), ...control } }),
  ]);
  const running = workers.map((worker) => worker.run());
  const { config } = loadConfig({ source: 'smoke', overrides: [], cwd: process.cwd() });
  const argument = { place: { run, stage: 'report', seed: null, arm: null, round: null }, worker: { ...config.worker, heartbeatTimeout: HEARTBEAT_TIMEOUT }, scope: '', input: { run, config, stages: [] } };
  const handle = await environment.client.workflow.start('report', { workflowId: `${run}/report`, taskQueue: CPU_QUEUE, args: [argument] });
  return {
    handle,
    progress: () => readJson<StageProgressFile>(home.run(run).progress('report')),
    stop: async () => {
      for (const worker of workers) worker.shutdown();
      trainer.close();
      await Promise.all(running);
    },
  };
}

test('a trainer that hangs in a step is ended by its worker, told in the stage, and over and over ends the stage with what to raise', { timeout: 90_000 }, async () => {
  const { handle, progress, stop } = await withChild('hangs', `process.send({ type: 'progress', step: 1, of: 10, metrics: {} }); setTimeout(() => { for (;;); }, 50);`);
  const third = await until('the third attempt', () => {
    const stands = progress();
    return stands?.attempt === 3 && stands.state === 'running' ? stands : undefined;
  }, 60_000);
  expect(third.before).toMatchObject({ attempt: 2, code: 'TrainerSilent', lost: 0 });
  expect(stageTable([third])[0]).toMatch(/running \(attempt 3\).*attempt 2 ended: TrainerSilent: the trainer said nothing for 2 s and was ended by its worker \(step 1 of 10\)/);
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  expect(explainFailure({ run: 'hangs', error })).toMatchObject({ code: 'CrashLoop', message: expect.stringMatching(/^report: 5 crashes in a row without a new checkpoint; the last: the trainer said nothing for/), fix: expect.stringContaining('raise worker.heartbeatTimeout (2 s)') });
  // none of them ended for the want of a heartbeat: the server had nothing to wait for
  const { events } = await handle.fetchHistory();
  expect(events?.filter(({ activityTaskTimedOutEventAttributes: timedOut }) => timedOut != null)).toEqual([]);
  const attempts = events?.flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? []) ?? [];
  expect(attempts.at(-1)).toBe(5);
  await stop();
});

test('a trainer that hangs once is followed by another, and the stage ends as it should', { timeout: 60_000 }, async () => {
  const done = `process.send({ type: 'done', result: { ref: { uri: 'store:x', sha256: 's', size: 1, digest: 'd' }, summary: {}, cached: false } });`;
  const { handle, stop } = await withChild('once', `process.send({ type: 'progress', step: 1, of: 10, metrics: {} }); if (attempt === 1) setTimeout(() => { for (;;); }, 50); else { ${done} }`, { presentRun: async () => undefined });
  expect(await handle.result()).toMatchObject({ interruptions: [{ attempt: 1, code: 'TrainerSilent' }] });
  expect(readFileSync(home.run('once').log('report'), 'utf8')).toMatch(/attempt 2: attempt 1 ended: TrainerSilent: the trainer said nothing/);
  await stop();
});

test('crashes count in a row: a full disk is none of them, and a checkpoint begins them anew', { timeout: 90_000 }, async () => {
  const done = `process.send({ type: 'done', result: { ref: { uri: 'store:x', sha256: 's', size: 1, digest: 'd' }, summary: {}, cached: false } });`;
  // a fifth crash in a row would end the stage at the fifth attempt, or at the sixth
  const { handle, stop } = await withChild('crashes', `
    if (attempt === 5) process.send({ type: 'failed', code: 'DiskFull', message: 'no space left', retryable: true });
    else if (attempt === 6) process.send({ type: 'checkpoint', step: 3, bytes: 1, seconds: 0 }, () => process.exit(1));
    else if (attempt < 9) process.exit(1);
    else { ${done} }`, { presentRun: async () => undefined });
  const { interruptions } = (await handle.result()) as { readonly interruptions: readonly { readonly code: string }[] };
  expect(interruptions.map(({ code }) => code)).toEqual([...new Array<string>(4).fill('TrainerCrashed'), 'DiskFull', ...new Array<string>(3).fill('TrainerCrashed')]);
  await stop();
});

test('an activity that keeps failing before its stage begins is seen from outside, and an error that nobody fixes ends its stage', { timeout: 60_000 }, async () => {
  let error = new BlissError({ code: 'DiskFull', message: 'no space left', fix: 'free some' });
  const { claimEpoch } = createControlActivities({ store, home, environment: {}, blobs: { ...blobs, list: () => Promise.reject(error) } });
  const { handle, stop } = await withChild('waits', '', { claimEpoch });
  const [trouble] = await until('the trouble', async () => {
    const found = await troublesOf(environment, 'waits/report');
    return found.length > 0 ? found : undefined;
  });
  expect(trouble).toEqual({ stage: null, activity: 'claimEpoch', failed: 1, code: 'DiskFull', message: 'no space left; free some' });
  error = new BlissError({ code: 'ArtifactMissing', message: 'the store is gone', fix: 'bring it back' });
  const ended: unknown = await handle.result().catch((reason: unknown) => reason);
  expect(explainFailure({ run: 'waits', error: ended })).toMatchObject({ code: 'ArtifactMissing', message: 'the store is gone', fix: 'bring it back' });
  await stop();
});
