import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, Worker, type WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createControlActivities, createCpuActivities, createGpuActivities } from '../../activities/index.js';
import { loadConfig } from '../../config/index.js';
import { STAGE_NAMES } from '../../config/tables/stages.js';
import { fileBlobs, openStore } from '../../lib/artifacts/index.js';
import { openHome } from '../../lib/home.js';
import { CONTROL_QUEUE, CPU_QUEUE, type PipelineInput } from '../../workflows/types.js';
import { LightWorkers, startServer } from './light-run.js';

/*
 * Whoever reaches the server may start any workflow with anything: a failure that says so, and nothing else.
 */

let environment: TestWorkflowEnvironment;
let bundle: WorkflowBundle;
const folder = mkdtempSync(path.join(tmpdir(), 'bliss-strangers-'));
const home = openHome(path.join(folder, 'deep', 'down', 'home'));
beforeAll(async () => {
  environment = await startServer();
  bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./asking-workflows.ts', import.meta.url)) });
}, 60_000);
afterAll(async () => {
  await environment?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

const { config } = loadConfig({ source: 'smoke', cwd: process.cwd() });
/** what a workflow ended with, and how many of its tasks failed on the way: a failed task is retried for ever */
async function ended(workflowId: string): Promise<{ readonly type: string | null | undefined; readonly message: string; readonly failedTasks: number }> {
  const handle = environment.client.workflow.getHandle(workflowId);
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  if (!(error instanceof WorkflowFailedError)) throw new Error(`it did not fail: ${String(error)}`);
  let cause: Error | undefined = error.cause;
  while (cause?.cause instanceof Error) ({ cause } = cause);
  const { events } = await handle.fetchHistory();
  return { type: cause !== undefined && 'type' in cause ? String(cause.type) : undefined, message: cause?.message ?? '', failedTasks: (events ?? []).filter(({ workflowTaskFailedEventAttributes: failed }) => failed != null).length };
}

describe('a worker of ours', () => {
  let running: Promise<void>;
  let workers: Worker[];
  const marker = path.join(folder, 'marker');
  beforeAll(async () => {
    const blobs = fileBlobs({ root: home.store });
    const store = openStore({ blobs });
    const connection = environment.nativeConnection;
    workers = [
      await Worker.create({ connection, taskQueue: CPU_QUEUE, workflowBundle: bundle }),
      await Worker.create({ connection, taskQueue: CONTROL_QUEUE, activities: createControlActivities({ store, blobs, home, environment: { ...process.env, BLISS_NOTICE_COMMAND: JSON.stringify(['touch', `${marker}-ours`]) } }) }),
    ];
    running = Promise.all(workers.map((worker) => worker.run())).then(() => undefined);
  });
  afterAll(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
  });
  const start = (workflow: string, id: string, input: unknown) => environment.client.workflow.start(workflow, { workflowId: id, taskQueue: CPU_QUEUE, args: [input] });

  test.each<readonly [string, unknown, string]>([
    ['nothing', null, 'the argument of the workflow of a run is none that bliss gives'],
    ['a run that leads out of the home', { run: '../../x', config, configFolder: '/', scope: '' }, 'run: lower-case letters'],
    ['a configuration of another kind', { run: 'mine', config: { ...config, seeds: 'all' }, configFolder: '/', scope: '' }, 'config.seeds: '],
  ])('a run started with %s ends in one failure', async (what, input, message) => {
    const id = `run-${what.replaceAll(' ', '-')}`;
    await start('pipeline', id, input);
    const end = await ended(id);
    expect(end).toMatchObject({ type: 'Usage', failedTasks: 0 });
    expect(end.message).toContain(message);
    expect(end.message).toContain('start runs by `bliss run`');
  }, 30_000);

  test('a run, or a stage, in another one’s name ends in one failure: what is open under that name has it to itself', async () => {
    await start('pipeline', 'mine', { run: 'theirs', config, configFolder: '/', scope: '' });
    const place = { run: 'theirs', stage: 'seed-0/warm-up/selection', seed: 0, arm: null, round: null };
    const ref = { uri: `store:artifacts/${'0'.repeat(64)}/manifest.json`, sha256: '0'.repeat(64), size: 1, digest: '0'.repeat(64) };
    await start('selection', 'mine/stage', { place, worker: config.worker, scope: '', input: { selector: 'random', fraction: 1, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: ref, group: 0, scores: [], seed: '0' } });
    for (const [id, name] of [['mine', 'theirs'], ['mine/stage', 'theirs/seed-0/warm-up/selection']] as const) {
      expect(await ended(id)).toMatchObject({ type: 'Usage', failedTasks: 0, message: expect.stringContaining(`the workflow of ${name} has its name as its id, this one has another`) });
    }
  }, 30_000);

  test.each(['prepare', 'selection', 'importing', 'warmUp', 'pretraining', 'decay', 'bilevel', 'lexical', 'mates', 'scoring', 'evaluation', 'report'])('a stage’s workflow, %s, started with nothing of a stage ends in one failure', async (workflow) => {
    await start(workflow, `stage-${workflow}`, { place: { run: 'x', stage: '../../x' }, input: null });
    expect(await ended(`stage-${workflow}`)).toMatchObject({ type: 'Usage', failedTasks: 0, message: expect.stringContaining('place.stage: ') });
  }, 30_000);

  test.each<readonly [string, unknown, string]>([
    ['claimEpoch', { run: '../../x', stage: 'a', claimant: 'me' }, 'claimEpoch was asked for what no run asks for: run: '],
    ['claimEpoch', { run: 'x', stage: '../../../x', claimant: 'me' }, 'stage: '],
    ['presentRun', { run: '../../x', report: {} }, 'run: '],
    ['resolveSelection', { from: '../../../x', seed: 0 }, 'from: '],
    ['keepFinished', { run: '..', known: null, stages: [], order: [] }, 'run: '],
    ['deviceSeconds', null, 'deviceSeconds was asked for what no run asks for'],
    ['watchPreemptions', { anything: true }, 'watchPreemptions was asked for what no run asks for'],
  ])('the activity %s asked for with %j is refused for good, and nothing is written anywhere', async (activity, input, message) => {
    const id = `ask-${activity}-${JSON.stringify(input).length}`;
    await start('ask', id, { activity, input });
    const end = await ended(id);
    expect(end.type).toBe('Usage');
    expect(end.message).toContain(message);
    expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('x') || file.includes('epoch'))).toEqual([]);
  }, 30_000);

  test('a notice by a program of one’s own runs nothing, neither it nor the worker’s', async () => {
    const input = { notices: { events: ['done'], command: ['touch', `${marker}-theirs`] }, notice: { id: '1', run: 'mine', event: 'done', at: '' }, channel: 'command' };
    await start('ask', 'ask-notify', { activity: 'notify', input });
    expect(await ended('ask-notify')).toMatchObject({ type: 'ConfigInvalid', message: expect.stringContaining('no program that a run names is run') });
    expect(readdirSync(folder).filter((name) => name.startsWith('marker'))).toEqual([]);
    await start('ask', 'ask-notify-ours', { activity: 'notify', input: { ...input, notices: { events: ['done'], command: true } } });
    await environment.client.workflow.getHandle('ask-notify-ours').result();
    expect(readdirSync(folder).filter((name) => name.startsWith('marker'))).toEqual(['marker-ours']);
  }, 30_000);
});

test('a run that an earlier version submitted with a program in its configuration goes on to its end, runs nothing, and says so in history and details', async () => {
  const told = path.join(folder, 'told');
  const notices = { events: ['started', 'done'], command: ['touch', told] } as never; // as it was typed then
  const input: PipelineInput = { run: 'old', config: { ...config, notices }, configFolder: '/', scope: '' };
  const workers = new LightWorkers({ connection: environment.nativeConnection, home, input });
  await workers.start(bundle);
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'old', taskQueue: CPU_QUEUE, args: [input] });
  await handle.result();
  const metadata = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  await workers.stop();
  expect(existsSync(told)).toBe(false);
  expect(metadata.currentDetails).toContain('A notice did not arrive, and people may wait for it: notices.command: this run names the program itself');
  const failures = ((await handle.fetchHistory()).events ?? []).flatMap(({ activityTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? []);
  expect(failures).toEqual([0, 1].map(() => expect.stringContaining('no program that a run names is run; set BLISS_NOTICE_COMMAND')));
}, 60_000);

test('a signal that is none of ours is passed over: the run goes on', async () => {
  const input: PipelineInput = { run: 'signalled', config: { ...config, notices: { events: ['preempted'], command: true } }, configFolder: '/', scope: '' };
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  const workers = new LightWorkers({ connection: environment.nativeConnection, home, input, before: () => held });
  await workers.start(bundle);
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'signalled', taskQueue: CPU_QUEUE, args: [input] });
  for (const payload of [null, 'x', { stage: '../x', interruptions: [] }, { stage: 'seed-0/prepare', interruptions: 3 }]) await handle.signal('preempted', payload);
  go();
  await handle.result();
  await workers.stop();
  const { events } = await handle.fetchHistory();
  expect((events ?? []).filter(({ workflowTaskFailedEventAttributes: failed }) => failed != null)).toEqual([]);
}, 60_000);

test('no activity of a stage is begun with anything but its input', async () => {
  const nothing = {} as Parameters<typeof createGpuActivities>[0]; // none of it is reached
  const activities = Object.entries<(input: never) => Promise<unknown>>({ ...createGpuActivities(nothing), ...createCpuActivities(nothing) });
  expect(activities).toHaveLength(STAGE_NAMES.length);
  for (const [name, activity] of activities) {
    for (const input of [null, {}, { run: 'x', stage: 'x', input: {}, epoch: 1, scope: '', keepCheckpoints: 1, compileTimeout: 10 }]) {
      await expect(activity(input as never)).rejects.toMatchObject({ type: 'Usage', nonRetryable: true, message: expect.stringContaining(`${name} was asked for what no run asks for: `) });
    }
  }
});
