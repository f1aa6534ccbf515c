import { mkdirSync } from 'node:fs';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecord, writeJson } from '../../cli/runs.js';
import { openHome, type RunRecord } from '../../lib/home.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { place, start, until } from './bliss.js';

let environment: TestWorkflowEnvironment;
beforeAll(async () => {
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
}, 60_000);
afterAll(() => environment?.teardown());

test('a budget command that is killed while its run has not answered has written the budget down for the executions that follow', async () => {
  const home = openHome(place().home);
  const { client, address } = environment;
  mkdirSync(home.run('mine').root, { recursive: true });
  const record: RunRecord = { run: 'mine', workflowId: 'mine', server: 'configured', address, namespace: 'default', submittedAt: '2026-11-25T00:00:00.000Z', configDigest: '', gpuHours: 1 };
  writeJson(home.run('mine').record, record);
  await client.workflow.start('pipeline', { workflowId: 'mine', taskQueue: 'nobody works on it', args: [] });

  const asking = start(['budget', 'mine', '--gpu-hours', '2.5', '--home', home.root], { env: { TEMPORAL_ADDRESS: address } });
  await until('the budget in the record', () => (readRecord(home, 'mine')?.gpuHours === 2.5 ? true : undefined));
  expect(asking.child.exitCode).toBeNull(); // nobody has answered
  asking.child.kill('SIGKILL');
  await asking.ended;
  expect(readRecord(home, 'mine')).toEqual({ ...record, gpuHours: 2.5 });
});
