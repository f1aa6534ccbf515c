import { openSync, closeSync, cpSync, existsSync, mkdirSync, readFileSync, readSync, readdirSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJson, readOutcome } from '../../cli/runs.js';
import { openHome, type Home, type StageProgressFile } from '../../lib/home.js';
import { commandLine, place, processesWith, start, until, type Started } from '../cli/bliss.js';

/** Checkpoints that a disk has changed, and a trainer that crashes again and again, in real runs of `smoke`. */
/** one arm: the trainer at work is the bilevel stage's */
const CONFIG = ['--set', 'worker.keepCheckpoints=6', '--set', 'comparison.arms=[{name: bliss, selector: bliss}]'];
const RUN_MS = 400_000;
const BILEVEL = 'seed-0/bliss/round-1/bilevel';

const progressOf = (home: Home): StageProgressFile | undefined => readJson<StageProgressFile>(home.run('run').progress(BILEVEL));
const logOf = (home: Home): string => (existsSync(home.run('run').log(BILEVEL)) ? readFileSync(home.run('run').log(BILEVEL), 'utf8') : '');
const begin = (home: Home): Started => start(['run', 'smoke', '--name', 'run', ...CONFIG, '--json', '--home', home.root]);
const resume = (home: Home): Started => start(['resume', 'run', '--json', '--home', home.root]);

async function digestsOf(run: Started): Promise<unknown> {
  const { code, stdout, stderr } = await run.ended;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}`);
  return (JSON.parse(stdout) as { readonly digests: unknown }).digests;
}
const undisturbed = digestsOf(begin(openHome(place().home)));

const trainerOf = (home: Home): number | undefined => {
  const workers = processesWith('workers/worker.js').filter((pid) => commandLine(pid).includes(home.root) && commandLine(pid).includes('--role gpu'));
  return processesWith('trainer/child.js').find((pid) => workers.some((worker) => new RegExp(`^PPid:\\s+${worker}$`, 'm').test(readIfThere(`/proc/${pid}/status`))));
};
const readIfThere = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended
  }
};

describe.concurrent('a run of smoke', { timeout: 2 * RUN_MS }, () => {
  test('whose newest checkpoints are flipped, cut short, half gone and another stage’s, when all of it was killed, goes on from the one before them', async () => {
    const home = openHome(place().home);
    const first = begin(home);
    await until('six checkpoints', () => ((progressOf(home)?.step ?? 0) > 70 ? true : undefined), RUN_MS);
    // everything at once, as when the power goes
    for (const pid of processesWith(home.root)) process.kill(pid, 'SIGKILL');
    await first.ended;

    const stage = path.join(home.store, 'checkpoints', 'run', ...BILEVEL.split('/'));
    const newest = readdirSync(stage, { recursive: true }).map(String).filter((file) => file.endsWith('manifest.json')).map((file) => path.dirname(file)).sort().reverse();
    expect(newest.length).toBeGreaterThanOrEqual(5);
    const stepOf = (folder: string): number => Number(/step-(\d+)/.exec(folder)?.[1]);
    const [flipped, short, gone, foreign, good] = newest.map((folder) => path.join(stage, folder));
    flipByte(path.join(flipped, 'bilevel.safetensors'));
    truncateSync(path.join(short, 'bilevel.safetensors'), 1_000);
    rmSync(path.join(gone, 'bilevel.safetensors'));
    // whole, but of other content than its name says
    rmSync(foreign, { recursive: true });
    cpSync(good, foreign, { recursive: true });
    flipByte(path.join(foreign, 'manifest.json'));

    expect(await digestsOf(resume(home))).toEqual(await undisturbed);
    const log = logOf(home);
    for (const folder of [flipped, short, gone, foreign]) expect(log).toMatch(new RegExp(`checkpoint set aside: .*step-0*${stepOf(folder)}/.*: .+`));
    expect(log).toContain(`goes on: from the checkpoint at step ${stepOf(good)}\n`);
  });

  test('whose trainer crashes five times in a row before a checkpoint ends with the reason, and goes on when that is fixed', async () => {
    const home = openHome(place().home);
    const first = begin(home);
    let over = false;
    void first.ended.then(() => (over = true));
    const killed = new Set<number>();
    // each trainer of the stage as soon as it has begun; the one of the warm-ups is kept for it at first
    await until('the bilevel stage', () => (logOf(home).includes('attempt 1: started') ? true : undefined), RUN_MS);
    while (!over && killed.size < 5) {
      const trainer = trainerOf(home);
      const started = new RegExp(`attempt ${killed.size + 1}: started`).test(logOf(home));
      if (started && trainer !== undefined && !killed.has(trainer)) {
        process.kill(trainer, 'SIGKILL');
        killed.add(trainer);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { code, stderr } = await first.ended;
    expect(killed.size).toBe(5);
    expect(code).toBe(1);
    expect(stderr).toMatch(/CrashLoop[^]*5 crashes in a row without a new checkpoint/);
    expect(readOutcome(home.run('run'))).toMatchObject({ state: 'failed', failure: { code: 'CrashLoop', stage: BILEVEL } });
    expect(await digestsOf(resume(home))).toEqual(await undisturbed);
  });
});

/** In another file under the same name: published files are links to each other's bytes nowhere. */
function flipByte(file: string): void {
  const at = 50;
  mkdirSync(path.dirname(file), { recursive: true });
  cpSync(file, `${file}.new`);
  const handle = openSync(`${file}.new`, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  byte[0] ^= 1;
  writeSync(handle, byte, 0, 1, at);
  closeSync(handle);
  renameSync(`${file}.new`, file);
}
