import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import type { Answers, Request } from './protocol.js';

/** A process of its own that one side of a comparison runs in. It waits on a pipe while the others have their turn. */
export interface Contender {
  readonly name: string;
  readonly pid: number;
  ask<A extends Request['ask']>(request: Extract<Request, { ask: A }>): Promise<Answers[A]>;
  /** processor time of all its threads so far, seconds; what it takes in another's turn disturbs the measurement */
  processorSeconds(): number;
  /** largest resident memory so far, or since `forgetPeak` */
  peakBytes(): number;
  forgetPeak(): void;
  close(): Promise<void>;
}

export interface ContenderOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** ticks a second of the times in /proc, on every Linux there is */
export const TICKS = 100;
/** characters of standard error kept to tell why a process ended */
const LAST_WORDS = 2_000;

/** Starts the process. Its answers come on descriptor 3, so that whatever a library prints spoils none. */
export function startContender({ name, program, args, environment }: ContenderOptions): Contender {
  const child = spawn(program, [...args], { env: environment, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
  const { stdin, stderr, answers } = pipesOf(child);
  let words = '';
  stderr.on('data', (part: Buffer) => {
    words = (words + part.toString('utf8')).slice(-LAST_WORDS);
  });
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  const lines = createInterface({ input: answers });
  lines.on('line', (line) => waiting.shift()?.resolve(line));
  const ended = (how: string): void => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`${name} ${how}${words === '' ? '' : `; its last words:\n${words}`}`));
  };
  child.on('error', (error) => ended(`could not be started: ${error.message}`));
  child.on('close', (code, signal) => ended(`ended ${signal === null ? `with code ${code}` : `by ${signal}`}`));
  stdin.on('error', () => undefined); // a process that has gone is seen by its end

  return {
    name,
    pid: child.pid ?? 0, // 0: it could not be started, which the first request tells
    ask: async (request) => {
      const line = await new Promise<string>((resolve, reject) => {
        waiting.push({ resolve, reject });
        if (child.exitCode !== null || child.signalCode !== null) ended('has ended');
        stdin.write(`${JSON.stringify(request)}\n`);
      });
      return JSON.parse(line) as Answers[typeof request.ask]; // both sides are ours, and of one build
    },
    processorSeconds: () => processorSeconds(child),
    peakBytes: () => peakBytes(child),
    forgetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, '5'), // Linux' word for it
    close: async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      stdin.end(); // a process that hears no more ends by itself
      await exit;
    },
  };
}

/** They are pipes, as asked for: the types of `spawn` with a fourth one cannot say so. */
function pipesOf({ stdio }: ChildProcess): { readonly stdin: Writable; readonly stderr: Readable; readonly answers: Readable } {
  const [stdin, , stderr, answers] = stdio;
  if (stdin === null || stderr === null || !(answers instanceof Readable)) throw new TypeError('the pipes of a process are not there');
  return { stdin, stderr, answers };
}

function processorSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // the second field, the program's name in brackets, may hold spaces; user and system time are the 14th and 15th
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function peakBytes({ pid }: ChildProcess): number {
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`the kernel does not tell the memory of process ${pid}`);
  return Number(kibibytes) * 1024;
}
