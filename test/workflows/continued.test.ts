import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFinishedStagesActivities, type StageOutcome, type StageRequest } from '../../activities/index.js';
import { loadConfig } from '../../config/index.js';
import { digestJson, fileBlobs, openStore } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { openHome } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import type { StageName } from '../../lib/stages/types.js';
import { saveHistories } from '../../workers/history.js';
import { ensureSearchAttributes } from '../../workers/namespace.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { runSeed } from '../../workflows/seed.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE, type PipelineInput, type PipelineResult } from '../../workflows/types.js';

let environment: TestWorkflowEnvironment;
const folder = mkdtempSync(path.join(tmpdir(), 'bliss-continued-'));
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
  await ensureSearchAttributes({ connection: environment.connection, namespace: 'default' });
}, 60_000);
afterAll(async () => {
  await environment?.teardown();
  rmSync(folder, { recursive: true, force: true });
});

const ROUNDS = 200;
/** the server refuses more events in one history; it warns at a fifth of it */
const MOST_EVENTS = 51_200;

/** What a stage that does nothing gives: a reference whose digest depends on all that it was given. */
function light(name: StageName, input: unknown): { readonly ref: Ref; readonly summary: Record<string, unknown>; readonly cached: boolean } {
  const digest = digestJson({ name, input });
  return { ref: { uri: `store:artifacts/${digest}/manifest.json`, sha256: digest, size: 1, digest }, summary: name === 'prepare' ? { shards: new Array<number>(ROUNDS + 1).fill(1) } : {}, cached: false };
}

test(`a run of ${ROUNDS} rounds goes on in several executions, each far below the server's limit, and ends with what its stages give one after the other`, { timeout: 400_000 }, async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: [`rounds=${ROUNDS}`, 'comparison.arms=[{name: random, selector: random}]'], cwd: process.cwd() });
  const input: PipelineInput = { run: 'long', config, configFolder: '/', scope: '' };
  const home = openHome(folder);
  mkdirSync(home.run('long').root, { recursive: true });
  const store = openStore({ blobs: fileBlobs({ root: home.store }) });

  let reported: readonly { readonly stage: string; readonly digest: string }[] = [];
  const stage = <Name extends StageName>(name: Name) => async ({ input: given }: StageRequest<Name>): Promise<StageOutcome> => light(name, given);
  const workerOn = (taskQueue: string, activities: object, bundle?: { readonly code: string }) => Worker.create({ connection: environment.nativeConnection, taskQueue, activities, ...(bundle === undefined ? {} : { workflowBundle: bundle }) });
  const bundle = await bundleWorkflowCode({ workflowsPath: path.join(packageRoot(), 'workflows', 'index.ts') });
  const writeReport = async ({ input: { stages } }: StageRequest<'report'>): Promise<StageOutcome> => {
    reported = (await readFinishedStages({ store, ref: stages as Ref })).map(({ stage: at, results: [{ ref }] }) => ({ stage: at, digest: ref.digest }));
    return { ...light('report', {}), summary: { digests: {}, metrics: [] } };
  };
  const workers = await Promise.all([
    workerOn(CPU_QUEUE, { prepareCorpus: stage('prepare'), selectRows: stage('selection'), writeReport }, bundle),
    workerOn(GPU_QUEUE, { train: stage('training'), learnScores: stage('bilevel'), scoreShards: stage('scoring'), evaluate: stage('evaluation') }),
    workerOn(CONTROL_QUEUE, { claimEpoch: async () => 1, presentRun: async () => undefined, ...createFinishedStagesActivities({ store, home }) }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  const handle = await environment.client.workflow.start('pipeline', { workflowId: 'long', taskQueue: CPU_QUEUE, args: [input], memo: { rounds: ROUNDS } });
  const ended = handle.result() as Promise<PipelineResult>;
  await Promise.race([ended, running]);

  // each execution, from the last one back
  const events: number[] = [];
  for (let runId: string | undefined; ; ) {
    const history = await environment.client.workflow.getHandle('long', runId).fetchHistory();
    events.unshift(history.events?.length ?? 0);
    const before = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    if (before == null || before === '') break;
    runId = before;
  }
  expect(events.length).toBeGreaterThan(1);
  for (const count of events) expect(count).toBeLessThan(MOST_EVENTS / 5);

  expect(reported).toEqual(await oneAfterTheOther(input));
  expect(reported).toHaveLength(4 + 4 * ROUNDS);

  // what tells of the run in the UI goes with it
  expect((await handle.describe()).memo).toMatchObject({ rounds: ROUNDS });
  // all that there was stays as JSON, and this version replays it
  const histories = await saveHistories({ client: environment.client, run: 'long', folder: home.run('long') });
  expect(histories).toHaveLength(events.length + reported.length + 1);
  const pipelines = histories.filter((file) => path.basename(file).startsWith('pipeline.'));
  expect(pipelines).toHaveLength(events.length);
  for (const file of pipelines) await Worker.runReplayHistory({ workflowBundle: bundle }, JSON.parse(readFileSync(file, 'utf8')), 'long');

  for (const worker of workers) worker.shutdown();
  await running;
});

/** The same stages called without a server: an independent account of what builds on what. */
async function oneAfterTheOther(input: PipelineInput): Promise<{ readonly stage: string; readonly digest: string }[]> {
  const made: { readonly stage: string; readonly digest: string }[] = [];
  const runOne = async ({ name, place, input: { input: given } }: { readonly name: StageName; readonly place: { readonly stage: string }; readonly input: { readonly input: unknown } }) => {
    const result = light(name, given);
    made.push({ stage: place.stage, digest: result.ref.digest });
    return result;
  };
  await runSeed({
    board: { runOne, run: async (stage: Parameters<typeof runOne>[0]) => [await runOne(stage)], lastRound: input.config.rounds, mayBeginRound: () => true } as never, // all that a seed asks of its board
    together: { all: (tasks) => Promise.all(tasks.map((task) => task())), branches: () => ({ run: (branch) => branch(), cancel: () => undefined }), resolveSelection: () => Promise.reject(new Error('not asked for')) },
    input,
    seed: 0,
  });
  const order = (stage: string): number => Number(/round-(\d+)/.exec(stage)?.[1] ?? 0) * 10 + ['prepare', 'warm-up/selection', 'warm-up/proxy', 'warm-up/target', 'selection', 'pretraining', 'decay', 'evaluation'].findIndex((end) => stage.endsWith(end));
  return made.sort((a, b) => order(a.stage) - order(b.stage));
}
