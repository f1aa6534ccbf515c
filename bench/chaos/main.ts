#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../config/index.js';
import { openHome, type Home } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { randomStream } from '../../lib/random.js';
import { errorText } from '../../cli/output.js';
import { plainText } from '../render.js';
import { findProcess, type Target } from './processes.js';
import { resumptions, watchSteps, type Resumption, type SeenSteps } from './work-lost.js';

/**
 * Kills parts of the stack at random moments while runs of `smoke` go on, each in an empty home of its own, and compares what comes
 * out with an undisturbed run: the digests must be equal.
 */
type Kind = 'SIGKILL' | 'SIGTERM' | 'SIGSTOP, SIGCONT';
interface Kill {
  readonly kind: Kind;
  readonly target: Target;
}

const kinds: readonly Kind[] = ['SIGKILL', 'SIGTERM', 'SIGSTOP, SIGCONT'];
const targets: readonly Target[] = ['GPU worker', 'CPU worker', 'trainer', 'server'];
const RUN = 'chaos';
/** between kills; a stack whose part is killed within seconds of its start again and again gives up, as it should */
const SECONDS_BETWEEN = { least: 3, most: 10 };
/** how long one stands still: shorter and longer than the heartbeat timeout of `smoke`, which is 5 s */
const SECONDS_STILL = { least: 1, most: 9 };
const WATCH_EVERY_MS = 50;
/** a process that is being started again is there soon */
const FIND_MS = 15_000;

interface Options {
  readonly kills: number;
  readonly seed: string;
  readonly set: readonly string[];
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const positiveInteger = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('an integer of at least 1');
  return Number(text);
};

interface Finished {
  readonly digests: string;
  readonly seconds: number;
  readonly resumed: readonly Resumption[];
}

async function main({ kills, seed, set }: Options): Promise<void> {
  const random = randomStream(seed, 'chaos');
  const between = ({ least, most }: { readonly least: number; readonly most: number }): number => least + (most - least) * random.uniform();
  const plan = kindsInTurn(kills, () => random.uniform());
  const { config } = loadConfig({ source: 'smoke', overrides: [...set] });
  const interval = Math.max(config.bilevel.checkpointEvery, config.pretraining.checkpointEvery);

  say('an undisturbed run first');
  const undisturbed = await oneRun(set);
  say(`  ${undisturbed.seconds.toFixed(0)} s, digests ${undisturbed.digests.slice(0, 60)}…`);
  const done: Kill[] = [];
  const missed: Kill[] = [];
  const disturbed: Finished[] = [];
  while (plan.length > 0) {
    const before = done.length;
    const finished = await oneRun(set, async (home, isOver) => {
      await sleep(1000 * between(SECONDS_BETWEEN));
      const kill = isOver() ? undefined : plan.shift();
      if (kill === undefined) return;
      if (await perform(kill, home, 1000 * between(SECONDS_STILL), isOver)) done.push(kill);
      else if (isOver()) plan.unshift(kill); // its turn comes in the next run
      else missed.push(kill);
    });
    disturbed.push(finished);
    say(`  run ${disturbed.length}: ${done.length - before} kills, ${finished.resumed.length} resumptions, ${finished.seconds.toFixed(0)} s, ${finished.digests === undisturbed.digests ? 'the same digests' : 'OTHER DIGESTS'}`);
  }

  const resumed = disturbed.flatMap((run) => run.resumed);
  const lost = resumed.filter(({ fromCheckpoint }) => fromCheckpoint).map((one) => one.lost);
  const equal = disturbed.filter(({ digests }) => digests === undisturbed.digests).length;
  const most = Math.max(0, ...lost);
  process.stdout.write(`${plainText({ caption: `Kills, seed ${seed}`, columns: ['', ...targets, 'all'], rows: kinds.map((kind) => [kind, ...targets.map((target) => String(count(done, { kind, target }))), String(count(done, { kind }))]) })}\n`);
  process.stdout.write(
    [
      `${done.length} kills in ${disturbed.length} runs of smoke${missed.length === 0 ? '' : `; ${missed.length} more found no process`}`,
      `${resumed.length} resumptions, ${lost.length} from a checkpoint; steps done again: at most ${most}, on the mean ${(lost.reduce((sum, n) => sum + n, 0) / Math.max(1, lost.length)).toFixed(1)} (checkpoints every ${interval}, published beside the steps that follow)`,
      `digests: ${equal} of ${disturbed.length} equal to those of the undisturbed run`,
      '',
    ].join('\n'),
  );
  // a save must be over before the next begins: what a kill in the middle of one costs is below two intervals
  if (equal < disturbed.length || most > 2 * interval) process.exitCode = 1;
}

const count = (kills: readonly Kill[], { kind, target }: Partial<Kill>): number => kills.filter((kill) => (kind === undefined || kill.kind === kind) && (target === undefined || kill.target === target)).length;

/** Kinds by turns, targets of each in random order: a few kills are of every kind, a dozen are each kind of each target. */
function kindsInTurn(kills: number, uniform: () => number): Kill[] {
  const shuffled = <T>(items: readonly T[]): T[] => items.map((item) => ({ item, at: uniform() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
  const plan: Kill[] = [];
  while (plan.length < kills) {
    const orders = shuffled(kinds).map((kind) => ({ kind, order: shuffled(targets) }));
    for (let i = 0; i < targets.length; i++) plan.push(...orders.map(({ kind, order }) => ({ kind, target: order[i] })));
  }
  return plan.slice(0, kills);
}

/** @returns false where no such process was found */
async function perform({ kind, target }: Kill, home: Home, stillMs: number, isOver: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + FIND_MS; Date.now() < deadline && !isOver(); await sleep(WATCH_EVERY_MS)) {
    const pid = findProcess(target, home.root);
    if (pid === undefined) continue;
    try {
      process.kill(pid, kind === 'SIGSTOP, SIGCONT' ? 'SIGSTOP' : kind);
      if (kind === 'SIGSTOP, SIGCONT') {
        await sleep(stillMs);
        process.kill(pid, 'SIGCONT');
      }
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return kind === 'SIGSTOP, SIGCONT'; // killed while it stood still, by its supervisor or its parent's end
      throw error;
    }
  }
  return false;
}

/** A whole run in an empty home. @param disturb called over and over until the run is over @throws Error unless it ends done */
async function oneRun(set: readonly string[], disturb?: (home: Home, isOver: () => boolean) => Promise<void>): Promise<Finished> {
  const home = openHome(mkdtempSync(path.join(tmpdir(), 'bliss-chaos-')));
  const started = Date.now();
  const { TEMPORAL_ADDRESS: _address, TEMPORAL_PROFILE: _profile, ...environment } = process.env;
  const child = spawn(process.execPath, [path.join(packageRoot(), 'bin', 'bliss.mjs'), 'run', 'smoke', '--name', RUN, '--json', '--home', home.root, ...set.flatMap((field) => ['--set', field])], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString('utf8')));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString('utf8')));
  let isOver = false;
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).finally(() => (isOver = true));
  const seen: SeenSteps = new Map();
  const watching = (async () => {
    for (; !isOver; await sleep(WATCH_EVERY_MS)) watchSteps(home.run(RUN).progressFolder, seen);
  })();
  while (disturb !== undefined && !isOver) await disturb(home, () => isOver);
  const code = await ended;
  await watching;
  if (code !== 0) throw new Error(`the run in ${home.root} ended with code ${code}:\n${stderr}${stdout}`);
  const { digests } = JSON.parse(stdout) as { readonly digests: unknown }; // the command's own answer
  const finished = { digests: JSON.stringify(digests), seconds: (Date.now() - started) / 1000, resumed: resumptions(logsOf(home), seen) };
  rmSync(home.root, { recursive: true, force: true });
  return finished;
}

function logsOf(home: Home): Map<string, string> {
  const folder = home.run(RUN).logFolder;
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.log')) : [];
  return new Map(files.map((file) => [path.basename(file, '.log').replaceAll('.', '/'), readFileSync(path.join(folder, file), 'utf8')]));
}

try {
  await new Command('npm run chaos --')
    .description('Kills workers, trainers and the server at random moments over runs of smoke, and compares what comes out with an undisturbed run.')
    .option('--kills <n>', 'how many', positiveInteger, 12)
    .option('--seed <text>', 'of moments and order of kinds', '0')
    .option('--set <field=value>', 'a field of the configuration, as for bliss run; may be given again', (value: string, before: readonly string[]) => [...before, value], [])
    .action(main)
    .parseAsync();
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
}
