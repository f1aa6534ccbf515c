import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { shardsPerTask } from '../../workflows/scoring-tasks.js';

let environment: TestWorkflowEnvironment;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
});
afterAll(() => environment?.teardown());

test('where a round of an arm fails, its decays and evaluations are cancelled and have ended before the arm ends', async () => {
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./arm-workflows.ts', import.meta.url)) });
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: 'arm', workflowBundle });
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2'], cwd: process.cwd() });
  const told = await worker.runUntil(environment.client.workflow.execute('failingArm', { workflowId: 'arm', taskQueue: 'arm', args: [{ run: 'run', config, configFolder: '/', scope: '' }], workflowExecutionTimeout: '20s' }));
  expect(told).toEqual(['round 2 fails', 'the decay has saved and ended', 'the arm ends: diverged']);
});

test('scoring takes as many shards at once as configured, and more where the run would have too many results for one report', () => {
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=4', 'seeds=[0, 1]', 'scoring.shardsPerTask=4'], cwd: process.cwd() });
  expect(shardsPerTask(config, 391)).toBe(4);
  // 8 scoring stages of the run's 2,500 activities: 312 each
  const many = shardsPerTask(config, 25_000);
  expect(Math.ceil(25_000 / many)).toBeLessThanOrEqual(312);
  expect(Math.ceil(25_000 / (many - 1))).toBeGreaterThan(312);
});
