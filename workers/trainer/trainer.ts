import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { StageFailed, TrainerCrashed, type Trainer, type TrainerRun } from '../../activities/trainer.js';
import type { StageResult } from '../../lib/stages/types.js';
import { fromTrainer, type FromTrainer, type ToTrainer } from './protocol.js';

/** characters of standard error that tell why a trainer went: a native library's abort says it there */
const LAST_WORDS = 600;
const lastWords = new WeakMap<ChildProcess, string>();
const SETPRIV = '/usr/bin/setpriv';
/** how often a trainer hears that its worker lives */
const ALIVE_EVERY_MS = 1_000;

/** Children are kept between stages, so that compiled programs serve again; each runs one stage at a time. */
export function createTrainer({ environment }: { readonly environment: NodeJS.ProcessEnv }): Trainer {
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();

  const spawn = (): ChildProcess => {
    const file = fileURLToPath(new URL('./child.js', import.meta.url));
    // --pdeathsig: the kernel ends the child with its worker, even inside a native call
    const child = existsSync(SETPRIV)
      ? fork(file, [], { execPath: SETPRIV, execArgv: ['--pdeathsig', 'SIGKILL', '--', process.execPath], env: environment, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
      : fork(file, [], { execArgv: [], env: environment, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    all.add(child);
    lastWords.set(child, '');
    child.stderr?.on('data', (part: Buffer) => {
      process.stderr.write(part);
      lastWords.set(child, ((lastWords.get(child) ?? '') + part.toString('utf8')).slice(-LAST_WORDS));
    });
    const alive = setInterval(() => tell(child, { type: 'alive' }), ALIVE_EVERY_MS);
    child.once('exit', () => {
      clearInterval(alive);
      all.delete(child);
      const at = idle.indexOf(child);
      if (at >= 0) idle.splice(at, 1);
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
        // a stage that failed may leave native memory behind: start the next one afresh, unless it merely stopped
        child.kill('SIGKILL');
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

function converse(child: ChildProcess, run: TrainerRun): Promise<StageResult> {
  return new Promise((resolve, reject) => {
    const stop = (): void => tell(child, { type: 'stop', reason: String(run.stop.reason ?? 'asked to') });
    const finish = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      run.stop.removeEventListener('abort', stop);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      finish();
      const said = (lastWords.get(child) ?? '').trim();
      reject(new TrainerCrashed(`the trainer process ended ${signal === null ? `with code ${code}` : `by ${signal}`}${said === '' || signal === 'SIGKILL' ? '' : `, its last words: ${said}`}`));
    };
    const onMessage = (raw: unknown): void => {
      const message: FromTrainer = fromTrainer.parse(raw);
      switch (message.type) {
        case 'ready':
          return;
        case 'progress': {
          const metrics = Object.fromEntries(Object.entries(message.metrics).filter((entry): entry is [string, number] => entry[1] !== null));
          run.onProgress({ step: message.step, of: message.of, metrics, ...(message.amount === undefined ? {} : { amount: message.amount }) });
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
        case 'done':
          finish();
          resolve(message.result);
          return;
        case 'failed':
          finish();
          reject(new StageFailed(message.code, message.message, message.retryable, message.mend, message.stack));
          return;
      }
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
    run.stop.addEventListener('abort', stop, { once: true });
    tell(child, { type: 'start', task: run.task, home: run.home });
    if (run.stop.aborted) stop();
  });
}
