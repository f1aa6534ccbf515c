import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireTemporalBinary } from '../../../workers/temporal-binary.js';
import { CONTROL_QUEUE } from '../../../workflows/types.js';

let environment: TestWorkflowEnvironment;
let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
  workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./budget-workflows.ts', import.meta.url)) });
});
afterAll(() => environment?.teardown());

test('a run over its budget that people had paused is paused again when they resume it, and goes on when the budget is lifted', async () => {
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: CONTROL_QUEUE, workflowBundle, activities: { deviceSeconds: async () => 2 * 3_600 } });
  const told = await worker.runUntil(environment.client.workflow.execute('spentWhilePaused', { workflowId: 'budget', taskQueue: CONTROL_QUEUE, workflowExecutionTimeout: '30s' }));
  expect(told).toEqual(['people resume it', 'paused', 'the budget is lifted', 'resumed']);
});

test('looks again when all running stages together can have spent what is left, and no sooner than after five seconds', async () => {
  const looks = new Map<string, number[]>();
  const left: Readonly<Record<string, number>> = { four: 28, one: 28, last: 0.1 };
  const deviceSeconds = async ({ run }: { readonly run: string }): Promise<number> => {
    looks.set(run, [...(looks.get(run) ?? []), performance.now()]);
    return 3_600 - left[run];
  };
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: CONTROL_QUEUE, workflowBundle, activities: { deviceSeconds } });
  const execute = (run: string, running: number): Promise<unknown> => environment.client.workflow.execute('withinBudget', { workflowId: run, taskQueue: CONTROL_QUEUE, args: [{ run, hours: 1, running, seconds: 13 }] });
  await worker.runUntil(Promise.all([execute('four', 4), execute('one', 1), execute('last', 2)]));
  const waits = (run: string): number[] => (looks.get(run) ?? []).slice(1).map((at, i) => (at - (looks.get(run) ?? [])[i]) / 1_000);
  expect(waits('one')).toEqual([]);
  expect(waits('four')).toHaveLength(1);
  expect(waits('four')[0]).toBeGreaterThan(6.5);
  expect(waits('last').length).toBeGreaterThan(0);
  expect(Math.min(...waits('last'))).toBeGreaterThan(4.5);
}, 40_000);
