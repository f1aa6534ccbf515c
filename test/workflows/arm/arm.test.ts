import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.js';
import type { Ref } from '../../../lib/artifacts/index.js';
import type { StageInputs, StageResult } from '../../../lib/stages/types.js';
import { requireTemporalBinary } from '../../../workers/temporal-binary.js';
import { runArm } from '../../../workflows/arm/arm.js';
import type { SeedContext } from '../../../workflows/arm/seed-context.js';
import { shardsPerTask } from '../../../workflows/scoring-tasks.js';
import type { FailuresMemo } from '../../../workflows/types.js';

let environment: TestWorkflowEnvironment;
let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  environment = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: requireTemporalBinary().file } } });
  workflowBundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./arm-workflows.ts', import.meta.url)) });
});
afterAll(() => environment?.teardown());

test('where a round of an arm fails, its decays and evaluations are cancelled and have ended before the arm ends', async () => {
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: 'arm', workflowBundle });
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2'], cwd: process.cwd() });
  const told = await worker.runUntil(environment.client.workflow.execute('failingArm', { workflowId: 'arm', taskQueue: 'arm', args: [{ run: 'run', config, configFolder: '/', scope: '' }], workflowExecutionTimeout: '20s' }));
  expect(told).toEqual(['round 2 fails', 'the decay has saved and ended', 'the arm ends: diverged']);
});

test('where a seed fails, those beside it are cancelled and have ended before the failure goes up', async () => {
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: 'seeds', workflowBundle });
  const told = await worker.runUntil(environment.client.workflow.execute('failingSeed', { workflowId: 'seeds', taskQueue: 'seeds', workflowExecutionTimeout: '20s' }));
  expect(told).toEqual(['the second fails', 'the first has saved and ended', 'all end: diverged', 'both', 'are through']);
});

test('of many stages that have failed the memo counts all and tells the newest five, each in 200 characters', async () => {
  const worker = await Worker.create({ connection: environment.nativeConnection, taskQueue: 'failures', workflowBundle });
  const handle = await environment.client.workflow.start('failingOnceMore', { workflowId: 'failures', taskQueue: 'failures', args: [7], workflowExecutionTimeout: '20s' });
  await worker.runUntil(handle.result());
  const { failures } = (await handle.describe()).memo as { readonly failures: FailuresMemo };
  expect(failures.count).toBe(8);
  expect(failures.newest.map(({ round }) => round)).toEqual([4, 5, 6, 7, 8]);
  expect(failures.newest.at(-1)).toEqual({ stage: 'seed-0/random/round-8/evaluation', seed: 0, arm: 'random', round: 8, reason: `${'x'.repeat(199)}…` });
});

test('an arm of selector mates probes the target of each round, begins its model with the warmed-up proxy, and selects with noise in deviations of the scores', async () => {
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=2', 'comparison.arms=[{name: m, selector: mates}]', 'mates.temperature=0.25'], cwd: process.cwd() });
  const given = new Map<string, StageInputs['mates'] & StageInputs['scoring'] & StageInputs['selection'] & { readonly start: { readonly state: Ref } }>();
  const made = (stage: string): StageResult => ({ ref: { uri: stage, sha256: '', size: 0, digest: stage }, summary: {}, cached: false });
  const runOne = async ({ place: { stage }, input: { input } }: { readonly place: { readonly stage: string }; readonly input: { readonly input: never } }): Promise<StageResult> => {
    given.set(stage, input);
    return made(stage);
  };
  const board = { runOne, run: async (stage: Parameters<typeof runOne>[0]) => [await runOne(stage)], lastRound: 2, mayBeginRound: () => true } as unknown as SeedContext['board']; // all that an arm asks of it
  const together: SeedContext['together'] = { all: (tasks) => Promise.all(tasks.map((task) => task())), branches: () => ({ run: (branch) => branch(), cancel: () => undefined }), resolveSelection: () => Promise.reject(new Error('not asked for')), checkTasks: () => undefined, endsAtFailure: () => true, hasNoiseOfArm: () => true };
  const [corpus, proxy, target] = ['corpus', 'proxy', 'target'].map((name) => made(name).ref);
  await runArm({ board, together, input: { run: 'run', config, configFolder: '/', scope: '' }, seed: 3 }, { name: 'm', selector: 'mates' }, { corpus, shards: [1, 1, 1], proxy, target });
  const at = (stage: string) => given.get(`seed-3/m/${stage}`);
  expect(at('round-1/mates')).toMatchObject({ corpus, group: 1, proxy, target, validationLoss: 'all-tokens', seed: '3/round-1' });
  expect(at('round-2/mates')).toMatchObject({ group: 2, proxy, target: { uri: 'seed-3/m/round-1/pretraining' }, seed: '3/round-2' });
  expect(at('round-1/mates')?.mates).toEqual(Object.fromEntries(Object.entries(config.mates ?? {}).filter(([name]) => name !== 'temperature')));
  expect(at('round-2/scoring')).toMatchObject({ scorer: { uri: 'seed-3/m/round-2/mates' } });
  expect(at('round-2/scoring')).not.toHaveProperty('by');
  expect(at('round-2/selection')).toMatchObject({ selector: 'mates', method: 'gumbel-top-k', temperature: 0.25, temperatureIn: 'deviations', seed: '3/round-2/m' });
});

test('scoring takes as many shards at once as configured, and more where the run would have too many results for one report', () => {
  const { config } = loadConfig({ source: 'smoke', overrides: ['rounds=4', 'seeds=[0, 1]', 'scoring.shardsPerTask=4'], cwd: process.cwd() });
  expect(shardsPerTask(config, 391)).toBe(4);
  // 8 scoring stages of the run's 2,500 activities: 312 each
  const many = shardsPerTask(config, 25_000);
  expect(Math.ceil(25_000 / many)).toBeLessThanOrEqual(312);
  expect(Math.ceil(25_000 / (many - 1))).toBeGreaterThan(312);
});
