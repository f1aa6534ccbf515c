import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { saveHistories } from '../../workers/history.js';
import { CPU_QUEUE, GPU_QUEUE, type PipelineInput } from '../../workflows/types.js';
import { LightWorkers, oneAfterTheOther, startServer } from './light-run.js';

let environment: TestWorkflowEnvironment;
const folder = mkdtempSync(path.join(tmpdir(), 'bliss-continued-'));
beforeAll(async () => {
  environment = await startServer();
}, 60_000);
afterAll(async () => {
  await environment?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

interface History {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly workflowExecutionTimeout?: string; readonly workflowRunTimeout?: string };
    readonly activityTaskScheduledEventAttributes?: { readonly taskQueue: { readonly name: string }; readonly scheduleToStartTimeout: string; readonly scheduleToCloseTimeout: string; readonly retryPolicy: { readonly maximumAttempts?: number } };
  }[];
}

const ROUNDS = 200;
/** the server takes no more events in one history */
const MOST_EVENTS = 51_200;

test(`a run of ${ROUNDS} rounds goes on in several executions, each far below the server's limit, and ends with what its stages give one after the other`, { timeout: 400_000 }, async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: [`rounds=${ROUNDS}`, 'comparison.arms=[{name: random, selector: random}]'], cwd: process.cwd() });
  const input: PipelineInput = { run: 'long', config, configFolder: '/', scope: '' };
  const home = openHome(folder);
  const bundle = await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') });
  const workers = new LightWorkers({ connection: environment.nativeConnection, home, input });
  await workers.start(bundle);
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'long', taskQueue: CPU_QUEUE, args: [input], memo: { rounds: ROUNDS } });
  await handle.result();
  await workers.stop();

  expect(workers.reported).toHaveLength(4 + 4 * ROUNDS);
  expect(workers.reported).toEqual(await oneAfterTheOther(input));

  // all that there was stays as JSON, execution by execution, and this version replays it
  const histories = await saveHistories({ client: environment.client, run: 'long', folder: home.run('long') });
  const pipelines = histories.filter((file) => path.basename(file).startsWith('pipeline.'));
  expect(pipelines.length).toBeGreaterThan(1);
  expect(histories).toHaveLength(pipelines.length + workers.reported.length + 1);
  for (const file of pipelines) {
    const history = JSON.parse(readFileSync(file, 'utf8')) as History;
    expect(history.events.length).toBeLessThan(MOST_EVENTS / 5);
    await Worker.runReplayHistory({ workflowBundle: bundle }, history, 'long');
  }
  // a run may wait for machines for as long as it takes: nothing that works on a stage has a time to be taken by, or a number of attempts
  for (const file of histories) {
    for (const { activityTaskScheduledEventAttributes: stage, workflowExecutionStartedEventAttributes: begun } of (JSON.parse(readFileSync(file, 'utf8')) as History).events) {
      if (begun !== undefined) expect([begun.workflowExecutionTimeout ?? '0s', begun.workflowRunTimeout ?? '0s']).toEqual(['0s', '0s']);
      if (stage !== undefined && [CPU_QUEUE, GPU_QUEUE].includes(stage.taskQueue.name)) {
        expect([stage.scheduleToStartTimeout, stage.scheduleToCloseTimeout]).toEqual(['0s', '0s']);
        expect(stage.retryPolicy.maximumAttempts ?? 0).toBe(0);
      }
    }
  }
  // what tells of the run in the UI goes with it
  expect((await handle.describe()).memo).toMatchObject({ rounds: ROUNDS });
});
