import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../config/index.js';
import { openHome } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { CPU_QUEUE, type PipelineInput, type Steering } from '../../workflows/types.js';
import { LightWorkers, oneAfterTheOther, startServer } from './light-run.js';

/** Bundles of the workflows as earlier versions built them, without their source maps; named by commit. */
const FOLDER = fileURLToPath(new URL('../fixtures/workflow-bundles/', import.meta.url));

let environment: TestWorkflowEnvironment;
const folder = mkdtempSync(path.join(tmpdir(), 'bliss-upgrade-'));
beforeAll(async () => {
  environment = await startServer();
}, 60_000);
afterAll(async () => {
  await environment?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2'], cwd: process.cwd() });
/** where the workers of the earlier version are stopped */
const MIDDLE = 'seed-0/bliss/round-1/scoring/shards-0-1';

test.each(
  readdirSync(FOLDER).flatMap((file) => [
    { file, when: 'while a stage runs', paused: false },
    { file, when: 'while it is paused', paused: true },
  ]),
)('a run begun by workers of $file and gone on with by those of this version, changed $when, ends as one of a single version', { timeout: 120_000 }, async ({ file, paused }) => {
  const run = `${file.replaceAll('.', '-')}-${paused}`;
  const input: PipelineInput = { run, config, configFolder: '/', scope: '' };
  let arrived: () => void = () => undefined;
  const atMiddle = new Promise<void>((resolve) => (arrived = resolve));
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const workers = new LightWorkers({
    connection: environment.nativeConnection,
    home: openHome(folder),
    input,
    before: async (stage) => {
      if (stage !== MIDDLE) return;
      arrived();
      await held;
    },
  });
  await workers.start({ code: gunzipSync(readFileSync(path.join(FOLDER, file))).toString('utf8') });
  const handle = await environment.client.workflow.start('pipeline', { workflowId: run, taskQueue: CPU_QUEUE, args: [input] });
  await atMiddle;
  // a stage that runs on through its pipeline's pause, as one that is being compiled: the pause holds what would come next
  const pausing = paused ? handle.startUpdate<Steering, []>('pause', { waitForStage: 'ACCEPTED' }) : undefined;
  await pausing;
  goOn();
  await workers.stop();

  await workers.start(await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') }));
  if (paused) {
    await (await pausing)?.result();
    await handle.executeUpdate<Steering, []>('resume');
  }
  await handle.result();
  await workers.stop();
  expect(workers.reported).toEqual(await oneAfterTheOther(input));
});
