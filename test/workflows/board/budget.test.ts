import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireTemporalBinary } from '../../../workers/temporal-binary.js';
import { CONTROL_QUEUE } from '../../../workflows/types.js';

let environment: TestWorkflowEnvironment;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
});
afterAll(() => environment?.teardown());

test('a run over its budget that people had paused is paused again when they resume it, and goes on when the budget is lifted', async () => {
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./budget-workflows.ts', import.meta.url)) });
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: CONTROL_QUEUE, workflowBundle, activities: { deviceSeconds: async () => 2 * 3_600 } });
  const told = await worker.runUntil(environment.client.workflow.execute('spentWhilePaused', { workflowId: 'budget', taskQueue: CONTROL_QUEUE, workflowExecutionTimeout: '30s' }));
  expect(told).toEqual(['people resume it', 'paused', 'the budget is lifted', 'resumed']);
});
