import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { commandLine, place, processesWith, start, until } from '../cli/bliss.js';

/** Whole runs of `smoke` with two arms, each in an empty home of its own. */
interface Answer {
  readonly state: string;
  readonly digests: Readonly<Record<string, string>>;
}
/** a whole run takes about a minute alone; these run two at a time on machines that do other things too */
export const RUN_MS = 280_000;
export const BILEVEL = 'seed-0/bliss/round-1/bilevel';
export const MATES = 'seed-0/mates/round-1/mates';
const ARMS = ['--set', 'comparison.arms=[{name: bliss, selector: bliss}, {name: mates, selector: mates}]'];

interface Disturbance {
  /** @default the bilevel stage */
  readonly stage?: string;
  /** gets the run's home when the stage has a checkpoint to go back to */
  disturb(home: Home): void | Promise<void>;
}

/** spikes are near enough to the mean of the losses that a run of hundreds of steps meets some: a killed run goes by the same batches */
const SKIPS_SPIKES = ['--set', 'divergence={policy: rewind, maxSkipped: 100, spike: {window: 64, deviations: 2}}'];

/** Waits for its end, disturbed on the way or not. */
export async function wholeRun(args: readonly string[], disturbance?: Disturbance): Promise<{ readonly answer: Answer; readonly home: Home }> {
  const { home: root } = place();
  const home = openHome(root);
  const run = start(['run', 'smoke', '--name', 'run', '--home', root, '--json', ...ARMS, ...SKIPS_SPIKES, ...args]);
  if (disturbance !== undefined) {
    const { stage = BILEVEL } = disturbance;
    await until(`a checkpoint of ${stage}`, () => {
      if (run.child.exitCode !== null) throw new Error(run.text());
      const progress = readJson<StageProgressFile>(home.run('run').progress(stage));
      // published, and not begun: a machine under load may be long about it
      return progress?.state === 'running' && progress.step > 30 && /attempt 1: checkpoint at step/.test(logOf(home, stage)) ? true : undefined;
    }, RUN_MS);
    await disturbance.disturb(home);
  }
  const { code, stdout, stderr } = await run.ended;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
  return { answer: JSON.parse(stdout) as Answer, home };
}

export const logOf = (home: Home, stage = BILEVEL): string => readFileSync(home.run('run').log(stage), 'utf8');
/** the GPU worker of a home's stack */
export const workerOf = (home: Home): number => processesWith('workers/worker.js').filter((pid) => commandLine(pid).includes(home.root) && commandLine(pid).includes('--role gpu'))[0];
/** the trainer child of a worker */
export function trainerOf(worker: number): number {
  const child = processesWith('trainer/child.js').find((pid) => parentOf(pid) === worker);
  if (child === undefined) throw new Error(`worker ${worker} has no trainer`);
  return child;
}
const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** an attempt after the first began, and the first did not reach the end */
export function expectResumed(home: Home, stage = BILEVEL): void {
  const log = logOf(home, stage);
  expect(log).toMatch(/attempt 2: started/);
  expect(log).not.toMatch(/attempt 1: done/);
  const firstOf = (attempt: number): number => Number(new RegExp(`attempt ${attempt}: checkpoint at step (\\d+)`).exec(log)?.[1]);
  // it went on from a checkpoint instead of starting afresh
  expect(firstOf(2)).toBeGreaterThan(firstOf(1));
}
