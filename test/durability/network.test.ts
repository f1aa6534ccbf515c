import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readJson, readOutcome } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { parseTimings } from '../../lib/timings.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { serverArguments } from '../../workers/temporal-server.js';
import { commandLine, MAIN, place, processesWith, start, until } from '../cli/bliss.js';
import { twoMachines, type TwoMachines } from './two-machines.js';

/** `smoke` with a bilevel stage that outlasts both cuts, wherever it runs */
const HEARTBEAT_TIMEOUT = 6;
const CONFIG = ['run', 'smoke', '--name', 'run', '--json', '--set', 'bilevel.outerSteps=800', '--set', `worker.heartbeatTimeout=${HEARTBEAT_TIMEOUT}`];
const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const PORT = 7233;
/** what TCP held back is sent again some time after the cable is fixed: with that the server misses heartbeats for less than its timeout */
const SHORT_CUT_MS = 1_500;
const WAIT_MS = 100_000;

interface Program {
  readonly child: ChildProcess;
  text(): string;
  readonly ended: Promise<number | null>;
}

function startOn(machines: TwoMachines, machine: 'server' | 'worker', program: readonly string[]): Program {
  const [command, ...args] = machines.on(machine, program);
  const { BLISS_HOME: _home, TEMPORAL_PROFILE: _profile, ...base } = process.env;
  const environment = { ...tensorflowEnvironment({ installed: readInstalled(), base }), TEMPORAL_ADDRESS: `${machines.serverAddress}:${PORT}` };
  const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString('utf8')));
  return { child, text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

const logOf = (home: Home): string => readFileSync(home.run('run').log(BILEVEL), 'utf8');
/** of the GPU worker of a stack */
function trainerOf({ child }: Program): number {
  const worker = processesWith('workers/worker.js').find((pid) => parentOf(pid) === child.pid && commandLine(pid).includes('--role gpu'));
  const trainer = processesWith('trainer/child.js').find((pid) => parentOf(pid) === worker);
  if (trainer === undefined) throw new Error('no trainer is there');
  return trainer;
}
const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test('a cable cut between workers and server: shortly, and nothing is lost; for long, and another worker goes on while what is cut off stops by itself and publishes nothing; the digests are those of an undisturbed run', { timeout: 240_000 }, async (context) => {
  const machines = twoMachines(context);
  const { home: root } = place();
  const home = openHome(root);
  mkdirSync(root);
  const parts: { readonly child: ChildProcess; readonly ended: Promise<unknown> }[] = [];
  const begin = (machine: 'server' | 'worker', program: readonly string[]): Program => {
    const one = startOn(machines, machine, program);
    parts.push(one);
    return one;
  };
  const server = [requireTemporalBinary().file, ...serverArguments({ home, port: PORT, uiPort: PORT + 1, ip: '0.0.0.0' })];
  const worker = [process.execPath, path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', root, '--address', `${machines.serverAddress}:${PORT}`];
  try {
    const undisturbed = start([...CONFIG, '--home', place().home]);
    parts.push(undisturbed);
    begin('server', server);
    await until('the server', async () => ((await startOn(machines, 'worker', [server[0], 'operator', 'cluster', 'health', '--address', `${machines.serverAddress}:${PORT}`]).ended) === 0 ? true : undefined));
    const far = begin('worker', [process.execPath, MAIN, 'dev', '--home', root]);
    const run = begin('server', [process.execPath, MAIN, ...CONFIG, '--home', root]);
    const past = (step: number, attempt: number): Promise<number> => until(`step ${step} of attempt ${attempt}`, () => {
      if (run.child.exitCode !== null || far.child.exitCode !== null) throw new Error(run.text() + far.text());
      const progress = readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
      return progress?.state === 'running' && progress.attempt === attempt && progress.step > step ? progress.step : undefined;
    }, WAIT_MS);

    const atCut = await past(30, 1);
    machines.cut();
    await sleep(SHORT_CUT_MS);
    machines.fix();
    await sleep(1000 * HEARTBEAT_TIMEOUT);
    await past(atCut + 30, 1);
    expect(logOf(home)).not.toContain('attempt 2');

    const trainer = trainerOf(far);
    machines.cut();
    const near = begin('server', worker);
    await until('the trainer that is cut off to end', () => (commandLine(trainer).includes('trainer/child.js') ? undefined : true), WAIT_MS);
    await past(0, 2);
    machines.fix();
    near.child.kill('SIGTERM'); // what was cut off has to go on from here
    await past(0, 3);
    expect(await run.ended, run.text()).toBe(0);

    const log = logOf(home);
    expect(log).not.toContain('attempt 1: done');
    const basis = Number(/attempt 2: goes on: from the checkpoint at step (\d+)/.exec(log)?.[1]);
    const saved = [...log.matchAll(/attempt 1: checkpoint at step (\d+)/g)].map((match) => Number(match[1]));
    expect(Math.max(...saved)).toBe(basis); // what it saved until it was given up, and nothing later
    const ends = parseTimings(readFileSync(home.run('run').timings, 'utf8')).filter(({ stage }) => stage === BILEVEL).map(({ attempt, state }) => [attempt, state]);
    expect(ends).toEqual([[1, 'lost'], [2, 'preempted'], [3, 'done']]);
    const whole = await undisturbed.ended;
    expect(whole.code, whole.stderr).toBe(0);
    expect(readOutcome(home.run('run'))?.result?.digests).toEqual((JSON.parse(whole.stdout) as { digests: unknown }).digests);
  } finally {
    for (const { child } of parts) child.kill('SIGKILL'); // what they have started dies with them
    await Promise.all(parts.map(({ ended }) => ended));
    machines.remove();
  }
});
