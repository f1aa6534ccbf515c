import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { freePort } from '../../workers/ports.js';
import { ALIVE_TIMEOUT_SECONDS } from '../../workers/trainer/protocol.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { bliss, commandLine, place, processesWith, start, until, type Started } from '../cli/bliss.js';

/**
 * A worker and its trainer that stand still, and another worker that takes the stage over: what the first ones do when they wake is to no effect,
 * whatever made the stage begin again.
 */
/** long enough that they wake while the stage goes on elsewhere */
const CONFIG = ['--set', 'bilevel.outerSteps=600'];
const RUN_MS = 400_000;
const BILEVEL = 'seed-0/bliss/round-1/bilevel';

interface Stack {
  readonly home: Home;
  readonly address: string;
  /** a GPU worker beside the stack's own */
  addWorker(): Promise<void>;
}
const opened: { readonly stack: Started; readonly workers: ChildProcess[] }[] = [];

async function openStack(): Promise<Stack> {
  const home = openHome(place().home);
  const port = await freePort();
  const uiPort = await freePort();
  const stack = start(['dev', '--home', home.root, '--port', String(port), '--ui-port', String(uiPort)]);
  const workers: ChildProcess[] = [];
  opened.push({ stack, workers });
  const address = `127.0.0.1:${port}`;
  await until('the stack', () => (stack.text().includes(address) ? true : undefined), 60_000);
  const addWorker = async (): Promise<void> => {
    const worker = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', home.root, '--address', address], { env: tensorflowEnvironment({ installed: readInstalled() }), stdio: ['ignore', 'pipe', 'inherit'] });
    workers.push(worker);
    let said = '';
    worker.stdout?.on('data', (part: Buffer) => (said += part.toString('utf8')));
    await until('another worker', () => (said.includes('"ready":true') ? true : undefined), 60_000);
  };
  return { home, address, addWorker };
}

afterEach(async () => {
  for (const { stack, workers } of opened.splice(0)) {
    for (const worker of workers) worker.kill('SIGKILL');
    stack.child.kill('SIGINT');
    await stack.ended;
  }
}, 60_000);

const progressOf = (home: Home, run = 'run'): StageProgressFile | undefined => readJson<StageProgressFile>(home.run(run).progress(BILEVEL));
const logOf = (home: Home, run = 'run'): string => readFileSync(home.run(run).log(BILEVEL), 'utf8');
const isAlive = (pid: number): boolean => commandLine(pid) !== '';

interface Frozen {
  readonly worker: number;
  readonly trainer: number;
  /** milliseconds since the epoch */
  readonly since: number;
}

/** Stops the stack's own GPU worker and its trainer in the middle of the bilevel stage. */
async function freeze(home: Home): Promise<Frozen> {
  await until('a checkpoint of the bilevel stage', () => {
    const progress = progressOf(home);
    return progress?.state === 'running' && progress.step > 80 ? true : undefined;
  }, RUN_MS);
  const [worker] = processesWith('workers/worker.js').filter((pid) => commandLine(pid).includes(home.root) && commandLine(pid).includes('--role gpu'));
  const trainer = processesWith('trainer/child.js').find((pid) => new RegExp(`^PPid:\\s+${worker}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8')));
  if (trainer === undefined) throw new Error('the worker has no trainer');
  for (const pid of [trainer, worker]) process.kill(pid, 'SIGSTOP');
  return { worker, trainer, since: Date.now() };
}

async function digestsOf(run: Started): Promise<unknown> {
  const { code, stdout, stderr } = await run.ended;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
  return (JSON.parse(stdout) as { readonly digests: unknown }).digests;
}

let undisturbed: Promise<unknown> | undefined;
const digestsUndisturbed = (): Promise<unknown> => (undisturbed ??= digestsOf(start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', place().home])));

describe('a stage that has begun elsewhere', { timeout: 2 * RUN_MS }, () => {
  test('after a cancel and a resume: the worker and trainer of before cannot save, hear so and end', async () => {
    const { home, addWorker } = await openStack();
    const first = start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', home.root]);
    const frozen = await freeze(home);
    await addWorker();
    expect((await bliss(['cancel', 'run', '--json', '--home', home.root])).code).toBe(0);
    await first.ended;
    const second = start(['resume', 'run', '--json', '--home', home.root]);
    await wake(home, frozen);
    expect(await digestsOf(second)).toEqual(await digestsUndisturbed());
    await expectOvertaken(home, frozen);
  });

  test('after a reset of its workflow', async () => {
    const { home, address, addWorker } = await openStack();
    const run = start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', home.root]);
    const frozen = await freeze(home);
    await addWorker();
    const reset = spawnSync(requireTemporalBinary().file, ['workflow', 'reset', '--address', address, '--workflow-id', `run/${BILEVEL}`, '--type', 'FirstWorkflowTask', '--reason', 'test'], { encoding: 'utf8' });
    expect(reset.status, reset.stderr).toBe(0);
    await wake(home, frozen);
    expect(await digestsOf(run)).toEqual(await digestsUndisturbed());
    await expectOvertaken(home, frozen);
  });

  test('two runs at the same stage at once, one of them a fork of the other, do not disturb each other', async () => {
    const { home, addWorker } = await openStack();
    await addWorker();
    const first = start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', home.root]);
    await until('the bilevel stage', () => ((progressOf(home)?.step ?? 0) > 20 ? true : undefined), RUN_MS);
    const fork = start(['fork', 'run', '--from', 'round-1/bilevel', '--name', 'fork', '--json', '--home', home.root]);
    await until('both at once', () => (progressOf(home)?.state === 'running' && progressOf(home, 'fork')?.state === 'running' ? true : undefined), RUN_MS);
    expect(await digestsOf(first)).toEqual(await digestsUndisturbed());
    expect(await digestsOf(fork)).toEqual(await digestsUndisturbed());
    for (const run of ['run', 'fork']) expect(logOf(home, run)).not.toMatch(/overtaken|attempt 2/);
  });
});

/** Lets both go on once the next attempt has begun. */
async function wake(home: Home, { worker, trainer }: Frozen): Promise<void> {
  await until('the next attempt', () => (/goes on: from the checkpoint/.test(logOf(home)) ? true : undefined), RUN_MS);
  for (const pid of [worker, trainer]) process.kill(pid, 'SIGCONT');
}

/** A trainer that has not heard its worker for so long ends itself, before it can be told. */
const ALIVE_MS = 1_000 * ALIVE_TIMEOUT_SECONDS;

/** What woke has heard that it was overtaken, and nothing of it is left. */
async function expectOvertaken(home: Home, { trainer, since }: Frozen): Promise<void> {
  const wokeAt = Date.parse(/^(\S+) attempt \d+: goes on: from/m.exec(logOf(home))?.[1] ?? '');
  if (wokeAt - since < ALIVE_MS / 2) expect(logOf(home)).toMatch(/was overtaken by epoch 2 attempt 1/);
  await until('the end of its trainer', () => (isAlive(trainer) ? undefined : true), 60_000);
  // a finished stage keeps no checkpoints, and none came after its end
  expect(existsSync(path.join(home.store, 'checkpoints', 'run'))).toBe(false);
}
