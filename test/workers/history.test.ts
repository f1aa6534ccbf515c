import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOutcome } from '../../cli/runs.js';
import type { Session } from '../../cli/session.js';
import { settle } from '../../cli/follow/settle.js';
import { openHome } from '../../lib/home.js';
import { localServer } from '../../workers/connection.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { place } from '../cli/bliss.js';

const QUEUE = 'history';
let environment: TestWorkflowEnvironment;
let bundle: WorkflowBundle;
let session: Session;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
  bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./history-workflows.ts', import.meta.url)) });
  const { client, connection, address } = environment;
  session = { client, connection, server: localServer({ address, namespace: 'default' }), uiAddress: undefined, stack: undefined };
}, 60_000);
afterAll(() => environment?.teardown());

/** Runs the pipeline to its end, however that is. */
async function execute(run: string, fail: boolean): Promise<void> {
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue: QUEUE,
    workflowBundle: bundle,
    activities: {
      fails: () => {
        throw ApplicationFailure.create({ type: 'LossDiverged', message: 'seed-0/bliss/round-1/bilevel: the loss is not a number', nonRetryable: true, details: [{ fix: 'lower the rate' }] });
      },
    },
  });
  await worker.runUntil(environment.client.workflow.execute('pipeline', { workflowId: run, taskQueue: QUEUE, args: [{ run, fail }] }).catch(() => undefined));
}

test('a closed run is written down with its reason, and its histories replay; those of a first, failed execution stay beside the second’s', async () => {
  const home = openHome(place().home);
  const folder = home.run('mine');
  mkdirSync(folder.root, { recursive: true });

  expect(await settle({ session, home, run: 'mine' })).toEqual({ kind: 'missing' });
  await environment.client.workflow.start('pipeline', { workflowId: 'open', taskQueue: 'nobody', args: [{ run: 'open', fail: false }] });
  expect(await settle({ session, home, run: 'open' })).toEqual({ kind: 'open', paused: false, spent: false });

  await execute('mine', true);
  const failed = await settle({ session, home, run: 'mine' });
  expect(failed).toMatchObject({
    kind: 'closed',
    outcome: { state: 'failed', failure: { code: 'LossDiverged', stage: 'seed-0/bliss/round-1/bilevel', message: 'the loss is not a number', fix: 'lower the rate' } },
  });
  expect(readOutcome(folder)).toEqual(failed.kind === 'closed' ? failed.outcome : undefined);
  const stages = ['pipeline.json', 'seed-0.bliss.round-1.bilevel.json', 'seed-0.prepare.json'];
  expect(readdirSync(folder.history).sort()).toEqual(stages);

  // gone on with, and done this time

  rmSync(folder.outcome);
  await execute('mine', false);
  expect(await settle({ session, home, run: 'mine' })).toMatchObject({ kind: 'closed', outcome: { state: 'done', result: 'mine is done' } });
  const files = readdirSync(folder.history);
  expect(files).toEqual(expect.arrayContaining(stages));
  expect(files).toHaveLength(6);

  for (const file of files.filter((name) => name.startsWith('pipeline'))) {
    await Worker.runReplayHistory({ workflowBundle: bundle }, JSON.parse(readFileSync(`${folder.history}/${file}`, 'utf8')) as object, 'mine');
  }
}, 60_000);
