import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createControlActivities } from '../../../activities/index.js';
import { explainFailure } from '../../../cli/follow/failure.js';
import { loadConfig } from '../../../config/index.js';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { openHome } from '../../../lib/home.js';
import type { Notice } from '../../../lib/notices/index.js';
import { packageRoot } from '../../../lib/package-root.js';
import { CPU_QUEUE, type FailuresMemo, type PipelineInput, type PipelineResult } from '../../../workflows/types.js';
import { until } from '../../cli/bliss.js';
import { LightWorkers, startServer } from '../light-run.js';

/** What fails beside the rounds of an arm: heard at once, and not when all rounds are through. */
let environment: TestWorkflowEnvironment;
let bundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
const folder = mkdtempSync(path.join(tmpdir(), 'bliss-failed-'));
const home = openHome(folder);
beforeAll(async () => {
  environment = await startServer();
  bundle = await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') });
}, 90_000);
/** of the test at hand: a queue has one worker of a process */
const open: LightWorkers[] = [];
afterEach(async () => {
  for (const workers of open.splice(0)) await workers.stop().catch(() => undefined); // stopped before
});
afterAll(async () => {
  await environment?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

const EVALUATION = 'seed-0/bliss/round-1/evaluation';
const MIDDLE = 'seed-0/bliss/round-2/pretraining';
const REASON = 'the items are gone';
const fail = (stage: string): ApplicationFailure => ApplicationFailure.create({ type: 'DataInvalid', message: `${stage}: ${REASON}`, nonRetryable: true, details: [{ fix: 'bring them back' }] });
const notices = `notices={events: [stage-failed, failed, done], webhook: {urlVariable: BLISS_NOBODY}}`;

/** A light run whose evaluation after round 1 fails for good while its second round is held. */
async function heldRun({ run, overrides, code = bundle }: { readonly run: string; readonly overrides: readonly string[]; readonly code?: WorkflowBundleOption }) {
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=3', 'comparison.arms=[{name: bliss, selector: bliss}]', ...overrides], cwd: process.cwd() });
  const input: PipelineInput = { run, config, configFolder: folder, scope: '' };
  const begun: string[] = [];
  const told: Notice[] = [];
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  let failed: () => void = () => undefined;
  const hasFailed = new Promise<void>((resolve) => (failed = resolve));
  const workers = new LightWorkers({
    connection: environment.nativeConnection,
    home,
    input,
    before: async (stage) => {
      begun.push(stage);
      if (stage === EVALUATION) {
        // only then can what follows tell a failure that is heard from one that is not
        await until('the round after it', () => (begun.includes(MIDDLE) ? true : undefined));
        failed();
        throw fail(stage);
      }
      if (stage === MIDDLE) await held;
    },
    control: { notify: async ({ notice }: { readonly notice: Notice }) => void told.push(notice) },
  });
  open.push(workers);
  await workers.start(code);
  const handle = await environment.client.workflow.start<(input: PipelineInput) => Promise<PipelineResult>>('pipeline', { workflowId: run, taskQueue: CPU_QUEUE, args: [input] });
  return { handle, workers, begun, told, goOn, hasFailed };
}

const failuresOf = async (handle: WorkflowHandle): Promise<FailuresMemo | undefined> => (await handle.describe()).memo?.['failures'] as FailuresMemo | undefined;
const detailsOf = async (handle: WorkflowHandle): Promise<string> => (await handle.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';
const replay = async (handle: WorkflowHandle, workflowId: string): Promise<void> => Worker.runReplayHistory({ workflowBundle: bundle }, await handle.fetchHistory(), workflowId);

test('an evaluation that fails is told while the next round goes on, and no round after that begins', { timeout: 60_000 }, async () => {
  const { handle, workers, begun, told, goOn } = await heldRun({ run: 'stops', overrides: [notices] });
  const failures = await until('the failure', () => failuresOf(handle));
  expect(failures).toEqual({ count: 1, newest: [{ stage: EVALUATION, seed: 0, arm: 'bliss', round: 1, reason: REASON }] });
  await until('the notice', () => (told.length > 0 ? true : undefined));
  expect(told).toMatchObject([{ event: 'stage-failed', stage: EVALUATION, message: REASON }]);
  expect(await detailsOf(handle)).toMatch(/State: \*\*a stage has failed\*\*[^]*> seed-0\/bliss\/round-1\/evaluation: the items are gone[^]*arm ends at its next round/);

  goOn();
  const ended: unknown = await handle.result().catch((error: unknown) => error);
  expect(ended).toBeInstanceOf(WorkflowFailedError);
  expect(explainFailure({ run: 'stops', error: ended })).toMatchObject({ code: 'DataInvalid', message: REASON, fix: 'bring them back', stage: EVALUATION });
  expect(begun).toContain(MIDDLE);
  expect(begun.filter((stage) => stage.includes('/round-3/'))).toEqual([]);
  expect(told.map(({ event }) => event)).toEqual(['stage-failed', 'failed']);
  await workers.stop();
  await replay(handle, 'stops');
});

test('with evaluation.onFailure: continue all rounds are trained, and the result says what is missing', { timeout: 60_000 }, async () => {
  const { handle, workers, told, goOn } = await heldRun({ run: 'continues', overrides: [notices, 'evaluation.onFailure=continue'] });
  await until('the failure', () => failuresOf(handle));
  expect(await detailsOf(handle)).toContain('The run goes on without it');
  goOn();
  const { failed } = await handle.result();
  expect(failed).toEqual([{ stage: EVALUATION, seed: 0, arm: 'bliss', round: 1, reason: REASON }]);
  expect(told.map(({ event }) => event)).toEqual(['stage-failed', 'done']);
  const made = workers.reported.map(({ stage }) => stage);
  expect(made).not.toContain(EVALUATION);
  expect(made).toContain('seed-0/bliss/round-3/evaluation');
  await workers.stop();
  await replay(handle, 'continues');
});

test('an execution that goes on for another does not try again what failed there, nor tell of it again', { timeout: 60_000 }, async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2', 'comparison.arms=[{name: bliss, selector: bliss}]', notices, 'evaluation.onFailure=continue'], cwd: process.cwd() });
  const failed = [{ stage: EVALUATION, seed: 0, arm: 'bliss', round: 1, reason: REASON }];
  const input: PipelineInput = { run: 'goes-on', config, configFolder: folder, scope: '', continued: { paused: false }, failed };
  const begun: string[] = [];
  const told: Notice[] = [];
  const workers = new LightWorkers({ connection: environment.nativeConnection, home, input, before: async (stage) => void begun.push(stage), control: { notify: async ({ notice }: { readonly notice: Notice }) => void told.push(notice) } });
  open.push(workers);
  await workers.start(bundle);
  const handle = await environment.client.workflow.start<(input: PipelineInput) => Promise<PipelineResult>>('pipeline', { workflowId: 'goes-on', taskQueue: CPU_QUEUE, args: [input] });
  const result = await handle.result();
  expect(result.failed).toEqual(failed);
  expect(begun).not.toContain(EVALUATION);
  expect(begun).toContain('seed-0/bliss/round-2/evaluation');
  expect(told.map(({ event }) => event)).toEqual(['done']);
  expect(await failuresOf(handle)).toEqual({ count: 1, newest: failed });
  await workers.stop();
  await replay(handle, 'goes-on');
});

test.each(['a6d6e71', 'f66f8bf'])('a run that version %s took past a failed evaluation goes on under this one, and ends at its next round', { timeout: 60_000 }, async (version) => {
  const code = { code: gunzipSync(readFileSync(fileURLToPath(new URL(`../../fixtures/workflow-bundles/${version}.js.gz`, import.meta.url)))).toString('utf8') };
  const { handle, workers, begun, goOn, hasFailed } = await heldRun({ run: `upgraded-${version}`, overrides: ['rounds=20'], code });
  await hasFailed;
  await until('the round after it', () => (begun.includes(MIDDLE) ? true : undefined));
  await until('the failure to have arrived', async () => ((await handle.fetchHistory()).events ?? []).some(({ childWorkflowExecutionFailedEventAttributes }) => childWorkflowExecutionFailedEventAttributes != null) || undefined);
  goOn();
  await workers.stop();
  await workers.start(bundle);
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  // a round or two may have begun while the workers of the earlier version were ending
  expect(begun.filter((stage) => stage.includes('/round-20/'))).toEqual([]);
  await workers.stop();
  await replay(handle, `upgraded-${version}`);
});

test('items that have gone since the run began are told before a round is trained for them', { timeout: 60_000 }, async () => {
  cpSync(path.join(import.meta.dirname, '..', '..', 'fixtures', 'lm-eval', 'piqa'), path.join(folder, 'piqa'), { recursive: true });
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2', 'comparison.arms=[{name: bliss, selector: bliss}]', 'evaluation.tasks=[{name: piqa, path: piqa/valid.jsonl}]'], cwd: process.cwd() });
  const input: PipelineInput = { run: 'checked', config, configFolder: folder, scope: '' };
  const begun: string[] = [];
  const blobs = fileBlobs({ root: home.store });
  const { checkTasks } = createControlActivities({ home, blobs, store: openStore({ blobs }), environment: {} });
  const workers = new LightWorkers({
    connection: environment.nativeConnection,
    home,
    input,
    before: async (stage) => {
      begun.push(stage);
      if (stage === 'seed-0/bliss/round-1/pretraining') rmSync(path.join(folder, 'piqa'), { recursive: true });
    },
    control: { checkTasks },
  });
  open.push(workers);
  await workers.start(bundle);
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'checked', taskQueue: CPU_QUEUE, args: [input] });
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  expect(explainFailure({ run: 'checked', error })).toMatchObject({ code: 'DataInvalid', message: expect.stringContaining('evaluation.tasks[0].path'), fix: expect.any(String) });
  expect(begun).toContain('seed-0/bliss/round-1/pretraining');
  expect(begun.filter((stage) => stage.includes('/round-2/'))).toEqual([]);
  await workers.stop();
  await replay(handle, 'checked');
});

test('a scoring stage of which a part fails ends then, and not when all that waits for a device is through', { timeout: 60_000 }, async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: ['scoring.shardsPerTask=1', 'comparison.arms=[{name: bliss, selector: bliss}]'], cwd: process.cwd() });
  const input: PipelineInput = { run: 'scoring', config, configFolder: folder, scope: '' };
  const part = (first: number): string => `seed-0/bliss/round-1/scoring/shards-${first}-${first + 1}`;
  const begun: string[] = [];
  const workers = new LightWorkers({
    connection: environment.nativeConnection,
    home,
    input,
    shards: 8,
    before: async (stage) => {
      begun.push(stage);
      if (stage === part(2)) throw fail(stage);
      // what holds its device until it is told to let go
      while (stage.includes('/scoring/')) {
        Context.current().heartbeat();
        await Context.current().sleep(200);
      }
    },
  });
  open.push(workers);
  await workers.start(bundle);
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'scoring', taskQueue: CPU_QUEUE, args: [input] });
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  expect(explainFailure({ run: 'scoring', error })).toMatchObject({ code: 'DataInvalid', stage: 'seed-0/bliss/round-1/scoring', message: expect.stringContaining(REASON) });
  expect(begun).toContain(part(7));
  await workers.stop();
  await replay(environment.client.workflow.getHandle('scoring/seed-0/bliss/round-1/scoring'), 'scoring/seed-0/bliss/round-1/scoring');
});
