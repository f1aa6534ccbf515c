import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { BlissError } from '../lib/errors.js';

export interface SupervisedProcess {
  /** what people call it: `CPU worker` */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** what its files are never for. @default this process's */
  readonly umask?: number;
  readonly logFile: string;
  /** true for the line of standard output that says it is ready; absent: it is ready when it is started */
  readonly isReady?: (line: string) => boolean;
  /** told of starts and ends, for people */
  readonly onEvent: (event: ProcessEvent) => void;
  /** working folder. @default ours */
  readonly folder?: string;
  /** a descriptor that it has a copy of, as its fourth, while it lives */
  readonly keeps?: number;
  /** what helps when it keeps ending, shown with the error */
  readonly fix: string;
}

export interface ProcessEvent {
  readonly name: string;
  readonly what: 'started' | 'ended' | 'restarting' | 'gave-up' | 'killed' | 'unlocked';
  readonly pid?: number;
  /** `SIGKILL`, `code 1`; why it is not locked */
  readonly how?: string;
}

export interface Supervisor {
  /** the first time it is ready */
  readonly ready: Promise<void>;
  /** never rejects; resolves with the reason when it is not started again any more */
  readonly gaveUp: Promise<BlissError>;
  pid(): number | undefined;
  /** SIGTERM, and SIGKILL after the grace; resolves when it has ended and is not started again */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL to it and its children now */
  kill(): void;
}

/** One that ends sooner than this after its start did not do any work. */
const SHORT_LIFE_MS = 10_000;
const SHORT_LIVES_BEFORE_GIVING_UP = 5;
/** from a process's end to that of its output */
const LAST_WORDS_MS = 500;
/** Waits before the 1st, 2nd, … start again in a row. A first crash or kill costs next to nothing. */
const BACKOFF_MS = [100, 500, 1_000, 2_000, 4_000];
const LOG_LIMIT_BYTES = 20_000_000; // one older log is kept beside it
const SETPRIV = '/usr/bin/setpriv';

/**
 * Keeps one child process up: what dies is started again. The child is in a session of its own, so that the terminal's Ctrl-C reaches only us and
 * everything ends in order; it dies with us through the kernel's parent-death signal, so that a killed stack leaves no orphans.
 */
export function supervise(process_: SupervisedProcess): Supervisor {
  mkdirSync(path.dirname(process_.logFile), { recursive: true });
  rotate(process_.logFile);
  const log = createWriteStream(process_.logFile, { flags: 'a' });
  log.on('error', () => undefined); // a full disk must not end the stack: the stages themselves report it
  let child: ChildProcess | undefined;
  let stopping = false;
  let wake: () => void = () => undefined;
  let markReady: () => void = () => undefined;
  let giveUp: (reason: BlissError) => void = () => undefined;
  const ready = new Promise<void>((resolve) => (markReady = resolve));
  const gaveUp = new Promise<BlissError>((resolve) => (giveUp = resolve));

  const note = (text: string): void => void log.write(`${new Date().toISOString()} [stack] ${text}\n`);

  const once = (): Promise<string> =>
    new Promise((resolve) => {
      const { command, args } = dyingWithParent(process_.command, process_.args);
      const { folder, keeps } = process_;
      const started: ChildProcess = underUmask(process_.umask, () => spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe', ...(keeps === undefined ? [] : [keeps])], env: process_.environment, ...(folder === undefined ? {} : { cwd: folder }) }));
      child = started;
      started.once('error', (error) => resolve(error.message));
      started.once('exit', (code, signal) => {
        const how = signal ?? `code ${code ?? '?'}`;
        // its last words are still in the pipe; a grandchild that holds the pipe must not hold us up
        started.once('close', () => resolve(how));
        setTimeout(() => resolve(how), LAST_WORDS_MS);
      });
      started.stdout?.pipe(log, { end: false });
      started.stderr?.pipe(log, { end: false });
      const { isReady } = process_;
      if (isReady === undefined) markReady();
      else if (started.stdout !== null) createInterface({ input: started.stdout }).on('line', (line) => (isReady(line) ? markReady() : undefined));
      process_.onEvent({ name: process_.name, what: 'started', ...(started.pid === undefined ? {} : { pid: started.pid }) });
    });

  const loop = async (): Promise<void> => {
    let shortLives = 0;
    while (!stopping) {
      const startedAt = Date.now();
      const how = await once();
      child = undefined;
      note(`${process_.name} ended (${how})`);
      if (stopping) break;
      process_.onEvent({ name: process_.name, what: 'ended', how });
      shortLives = Date.now() - startedAt < SHORT_LIFE_MS ? shortLives + 1 : 0;
      if (shortLives >= SHORT_LIVES_BEFORE_GIVING_UP) {
        process_.onEvent({ name: process_.name, what: 'gave-up', how });
        giveUp(crashLoop(process_, how));
        return;
      }
      const wait = BACKOFF_MS[Math.min(shortLives, BACKOFF_MS.length - 1)] ?? 0;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, wait);
      });
      if (!stopping) process_.onEvent({ name: process_.name, what: 'restarting' });
    }
  };
  const written = (): Promise<void> => new Promise((resolve) => log.end(() => resolve()));
  const ended = (async () => {
    try {
      await loop();
    } finally {
      await written();
    }
  })();

  const kill = (): void => {
    stopping = true;
    wake();
    const pid = child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL'); // the whole session: a worker's trainer too
    } catch {
      child?.kill('SIGKILL');
    }
  };
  return {
    ready,
    gaveUp,
    pid: () => child?.pid,
    kill,
    stop: async (graceMs) => {
      stopping = true;
      wake();
      child?.kill('SIGTERM');
      const timer = setTimeout(() => {
        process_.onEvent({ name: process_.name, what: 'killed' });
        kill();
      }, graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A child takes over the umask that stands while it is started. */
function underUmask<T>(umask: number | undefined, start: () => T): T {
  if (umask === undefined) return start();
  const before = process.umask(umask);
  try {
    return start();
  } finally {
    process.umask(before);
  }
}

/** Where there is no setpriv the child outlives a killed parent; workers notice by their parent's id, and a server keeps the home locked. */
function dyingWithParent(command: string, args: readonly string[]): { command: string; args: string[] } {
  return existsSync(SETPRIV) ? { command: SETPRIV, args: ['--pdeathsig', 'SIGKILL', '--', command, ...args] } : { command, args: [...args] };
}

function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
}

/** @returns the last lines of a log that say something */
export function lastLines(file: string, count: number): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line.trim() !== '').slice(-count);
}

function crashLoop({ name, logFile, fix }: SupervisedProcess, how: string): BlissError {
  const said = lastLines(logFile, 12).filter((line) => !line.includes('[stack]')).slice(-3).map((line) => line.trim().slice(0, 300));
  return new BlissError({
    code: 'CrashLoop',
    message: `the ${name} ended ${SHORT_LIVES_BEFORE_GIVING_UP} times in a row right after its start (${how})${said.length === 0 ? '' : `: ${said.join(' | ')}`}`,
    where: logFile,
    fix,
  });
}
