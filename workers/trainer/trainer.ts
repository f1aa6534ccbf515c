import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { StageFailed, TrainerCrashed, type Trainer, type TrainerRun } from '../../activities/trainer.js';
import { printable } from '../../lib/printable.js';
import type { StageResult } from '../../lib/stages/types.js';
import { withoutGreetings } from '../../lib/tensor/greetings.js';
import { fromTrainer, type FromTrainer, type ToTrainer } from './protocol.js';

/** characters of standard error that tell why a trainer went: a native library's abort says it there */
const LAST_WORDS = 600;
const lastWords = new WeakMap<ChildProcess, string>();
const SETPRIV = '/usr/bin/setpriv';
/** how often a trainer hears that its worker lives */
const ALIVE_EVERY_MS = 1_000;
/** A killed trainer holds the device's memory until the kernel has taken it down: the next one must not start beside it. */
const GONE_WITHIN_MS = 20_000;
/** What a trainer wrote last arrives after its end. */
const LAST_WORDS_WITHIN_MS = 1_000;

export interface TrainerOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** built JavaScript of a trainer. @default child.js beside this file */
  readonly entry?: string;
}

/** Children are kept between stages, so that compiled programs serve again; each runs one stage at a time. */
export function createTrainer({ environment, entry = fileURLToPath(new URL('./child.js', import.meta.url)) }: TrainerOptions): Trainer {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();

  const spawn = (): ChildProcess => {
    // --pdeathsig: the kernel ends the child with its worker, even inside a native call
    const child = existsSync(SETPRIV)
      ? fork(entry, [], { execPath: SETPRIV, execArgv: ['--pdeathsig', 'SIGKILL', '--', process.execPath], env: environment, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
      : fork(entry, [], { execArgv: [], env: environment, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    all.add(child);
    lastWords.set(child, '');
    const heard = withoutGreetings((text) => lastWords.set(child, ((lastWords.get(child) ?? '') + text).slice(-LAST_WORDS)), { environment });
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      const words = printable(part);
      process.stderr.write(words); // the log has all of it
      heard.write(words);
    });
    child.stderr?.once('end', () => heard.end());
    const alive = setInterval(() => tell(child, { type: 'alive' }), ALIVE_EVERY_MS);
    const forget = (): void => {
      clearInterval(alive);
      all.delete(child);
      const at = idle.indexOf(child);
      if (at >= 0) idle.splice(at, 1);
    };
    child.once('exit', forget);
    child.on('error', (error) => {
      lastWords.set(child, error.message);
      if (child.pid === undefined) forget(); // it never began: no exit follows
    });
    return child;
  };

  return {
    run: async (run) => {
      const child = idle.pop() ?? spawn();
      try {
        const result = await converse(child, run);
        if (child.connected) idle.push(child);
        return result;
      } catch (error) {
        // a stage that failed may leave native memory behind: the next one starts afresh, when this one is gone
        child.kill('SIGKILL');
        await gone(child);
        throw error;
      }
    },
    close: () => {
      for (const child of all) child.kill('SIGKILL');
    },
  };
}

function tell(child: ChildProcess, message: ToTrainer): void {
  if (child.connected) child.send(message, () => undefined); // a child that has just gone is seen by its exit
}

/** Resolves when a killed child has ended, or does not end in time: one that hangs in a driver holds up nobody. */
async function gone(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  await Promise.race([exit, wait(GONE_WITHIN_MS, undefined, { ref: false })]);
}

function converse(child: ChildProcess, run: TrainerRun): Promise<StageResult> {
  return new Promise((resolve, reject) => {
    const stop = (): void => tell(child, { type: 'stop', reason: String(run.stop.reason ?? 'asked to') });
    const finish = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', onError);
      run.stop.removeEventListener('abort', stop);
      run.abandon.removeEventListener('abort', abandoned);
    };
    const abandoned = (): void => {
      finish();
      reject(run.abandon.reason); // whoever called kills it
    };
    const crashed = (how: string, words = true): void => {
      finish();
      const said = words ? (lastWords.get(child) ?? '').trim() : '';
      reject(new TrainerCrashed(`the trainer process ${how}${said === '' ? '' : `, its last words: ${said}`}`));
    };
    const onError = (): void => {
      if (child.pid === undefined) crashed('could not be started'); // without memory or process ids; otherwise its exit tells
    };
    const onExit = (code: number | null, signal: string | null): void => {
      const end = (): void => crashed(`ended ${signal === null ? `with code ${code}` : `by ${signal}`}`, signal !== 'SIGKILL');
      // `close` comes when standard error and the channel are read to their ends; `done` may be among what is still to be read
      void Promise.race([once(child, 'close'), wait(LAST_WORDS_WITHIN_MS)]).then(end, end);
    };
    const onMessage = (raw: unknown): void => {
      const heard = fromTrainer.safeParse(raw);
      if (!heard.success) {
        // thrown from here it would end the worker, with all that runs in it
        crashed(`is of another build than its worker: ${z.prettifyError(heard.error)}`, false);
        return;
      }
      const message: FromTrainer = heard.data;
      switch (message.type) {
        case 'ready':
          return;
        case 'progress': {
          const metrics = Object.fromEntries(Object.entries(message.metrics).filter((entry): entry is [string, number] => entry[1] !== null));
          run.onProgress({ step: message.step, of: message.of, ...(message.atMost === true ? { atMost: true } : {}), metrics, ...(message.amount === undefined ? {} : { amount: message.amount }), ...(message.dataWait === undefined ? {} : { dataWait: message.dataWait }) });
          return;
        }
        case 'phase':
          run.onPhase(message.phase);
          return;
        case 'checkpoint':
          run.onCheckpoint(message);
          return;
        case 'event':
          run.onEvent(message);
          return;
        case 'note':
          run.onNote(message.text);
          return;
        case 'done':
          finish();
          resolve(message.result);
          return;
        case 'failed':
          finish();
          // histories and the Temporal UI show it from here on
          reject(new StageFailed(message.code, printable(message.message), message.retryable, message.fix === undefined ? undefined : printable(message.fix), message.stack));
          return;
      }
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.on('error', onError);
    run.stop.addEventListener('abort', stop, { once: true });
    tell(child, { type: 'start', task: run.task, home: run.home });
    if (run.stop.aborted) stop();
    run.abandon.addEventListener('abort', abandoned, { once: true });
  });
}
