import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJson } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { commandLine, place, processesWith, start, until } from '../cli/bliss.js';

/**
 * Whole runs of `smoke`, each in an empty home of its own. A run is a pure function of its configuration: killed or not, it
 * ends with the same digests; another seed ends with others.
 */
interface Answer {
  readonly state: string;
  readonly digests: Readonly<Record<string, string>>;
}
/** a whole run takes about a minute alone; these run two at a time on machines that do other things too */
const RUN_MS = 280_000;
const BILEVEL = 'seed-0/bliss/round-1/bilevel';
const MATES = 'seed-0/mates/round-1/mates';
const ARMS = ['--set', 'comparison.arms=[{name: bliss, selector: bliss}, {name: mates, selector: mates}]'];

interface Disturbance {
  /** @default the bilevel stage */
  readonly stage?: string;
  /** gets the run's home when the stage has a checkpoint to go back to */
  disturb(home: Home): void | Promise<void>;
}

/** spikes are near enough to the mean of the losses that a run of hundreds of steps meets some: a killed run goes by the same batches */
const SKIPS_SPIKES = ['--set', 'divergence={policy: rewind, maxSkipped: 100, spike: {window: 64, deviations: 2}}'];

/** every test fails when the one undisturbed run fails, by its reason */
const undisturbed = wholeRun([]);

async function wholeRun(args: readonly string[], disturbance?: Disturbance): Promise<{ readonly answer: Answer; readonly home: Home }> {
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

const logOf = (home: Home, stage = BILEVEL): string => readFileSync(home.run('run').log(stage), 'utf8');
/** the GPU worker of a home's stack */
const workerOf = (home: Home): number => processesWith('workers/worker.js').filter((pid) => commandLine(pid).includes(home.root) && commandLine(pid).includes('--role gpu'))[0];
/** the trainer child of a worker */
function trainerOf(worker: number): number {
  const child = processesWith('trainer/child.js').find((pid) => parentOf(pid) === worker);
  if (child === undefined) throw new Error(`worker ${worker} has no trainer`);
  return child;
}
const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** an attempt after the first began, and the first did not reach the end */
function expectResumed(home: Home, stage = BILEVEL): void {
  const log = logOf(home, stage);
  expect(log).toMatch(/attempt 2: started/);
  expect(log).not.toMatch(/attempt 1: done/);
  const firstOf = (attempt: number): number => Number(new RegExp(`attempt ${attempt}: checkpoint at step (\\d+)`).exec(log)?.[1]);
  // it went on from a checkpoint instead of starting afresh
  expect(firstOf(2)).toBeGreaterThan(firstOf(1));
}

describe.concurrent('a run of smoke', { timeout: RUN_MS * 2 }, () => {
  test('the same configuration in another empty home ends with the same digests', async () => {
    const again = await wholeRun([]);
    expect(again.answer.digests).toEqual((await undisturbed).answer.digests);
    expect(logOf(again.home)).toMatch(/batch skipped: .*, outer step \d+: .* is a spike/);
  });

  test('a trainer killed by SIGKILL in the bilevel stage: the run ends by itself with the same digests', async () => {
    const killed = await wholeRun([], { disturb: (home) => void process.kill(trainerOf(workerOf(home)), 'SIGKILL') });
    expectResumed(killed.home);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('a trainer killed by SIGKILL while it probes for mates: no probe is lost or counted twice, and the run ends with the same digests', async () => {
    const killed = await wholeRun([], { stage: MATES, disturb: (home) => void process.kill(trainerOf(workerOf(home)), 'SIGKILL') });
    expectResumed(killed.home, MATES);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('a worker killed by SIGKILL in the bilevel stage: its trainer dies with it, the run ends by itself with the same digests', async () => {
    let trainer = 0;
    const killed = await wholeRun([], {
      disturb: (home) => {
        const worker = workerOf(home);
        trainer = trainerOf(worker);
        process.kill(worker, 'SIGKILL');
      },
    });
    expect(commandLine(trainer)).not.toContain('trainer/child.js');
    expectResumed(killed.home);
    expect(killed.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('a preemption notice by file in the bilevel stage: it is saved at once, nothing runs while the file is there, and the run ends with the same digests', async () => {
    const file = path.join(place().folder, 'preempted');
    let saved: StageProgressFile | undefined;
    const preempted = await wholeRun(['--set', `worker.preemptionFile=${file}`], {
      disturb: async (home) => {
        writeFileSync(file, '');
        const progress = (): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
        saved = await until('the stage to be saved', () => (progress()?.state === 'preempted' ? progress() : undefined));
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        expect(progress()).toEqual(saved);
        rmSync(file);
      },
    });
    const log = logOf(preempted.home);
    expect(log).toContain(`attempt 1: checkpoint at step ${saved?.step}`);
    expect(log).toContain(`attempt 2: goes on: from the checkpoint at step ${saved?.step}`);
    expect(preempted.answer.digests).toEqual((await undisturbed).answer.digests);
  });

  test('another seed ends with other digests', async () => {
    const other = await wholeRun(['--set', 'seeds=[1]']);
    for (const [name, digest] of Object.entries((await undisturbed).answer.digests)) expect(other.answer.digests[name], name).not.toBe(digest);
  });
});
