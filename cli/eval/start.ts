import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BlissError } from '../../lib/errors.js';
import { withoutGreetings } from '../../lib/tensor/greetings.js';
import { trainerEnvironment } from '../../workers/trainer/environment.js';
import type { EvalAnswer, EvalJob, FromEval } from './job.js';

/** characters of standard error that are kept */
const LAST_WORDS = 2_000;

export interface StartEval {
  readonly job: EvalJob;
  /** ends the process; what was answered is kept */
  readonly stop: AbortSignal;
  readonly onPhase: (phase: string) => void;
  readonly onProgress: (done: number, of: number) => void;
}

/** Computes in a process of its own: TensorFlow's settings are read when it is loaded. @throws BlissError what the process could not do */
export function startEval({ job, stop, onPhase, onProgress }: StartEval): Promise<EvalAnswer> {
  const environment = trainerEnvironment({ role: 'gpu' });
  const child = fork(fileURLToPath(new URL('./compute.js', import.meta.url)), [], { execArgv: [], env: environment, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  // shown only where the process ends before its time
  let words = '';
  const heard = withoutGreetings((text) => (words = (words + text).slice(-LAST_WORDS)), { environment });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => heard.write(part));
  stop.addEventListener('abort', () => child.kill('SIGKILL'), { once: true }); // a step hears no other signal
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      heard.end();
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      const said = words.trim() === '' ? '' : `, its last words: ${words.trim()}`;
      reject(new BlissError({ code: 'Stopped', message: `the evaluation's process ${how}${said}`, fix: 'give the same command again: what was answered is kept' }));
    });
    child.on('message', (raw) => {
      const message = raw as FromEval; // both sides are ours, and of one build
      switch (message.type) {
        case 'phase':
          onPhase(message.phase);
          return;
        case 'progress':
          onProgress(message.done, message.of);
          return;
        case 'done':
          resolve(message.answer);
          return;
        case 'failed':
          reject(new BlissError({ ...message.error, code: message.error.code as BlissError['code'] })); // of our own family, or Internal, which is told as it is
      }
    });
    child.send(job);
  });
}
