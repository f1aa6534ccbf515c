import { fork } from 'node:child_process';
import path from 'node:path';
import { BlissError } from '../../lib/errors.js';
import { fromFault, type Fault } from '../../lib/fault.js';
import { packageRoot } from '../../lib/package-root.js';
import { printable } from '../../lib/printable.js';
import { withoutGreetings } from '../../lib/tensor/greetings.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import type { Jobs } from './jobs.js';

export type FromApart = { readonly done: unknown } | { readonly fault: Fault };

/**
 * Does a job in a process of its own, which loads TensorFlow: its libraries greet on standard error as they are loaded, and a person reads ours.
 * What else it says there is passed on as it comes.
 * @throws what the job throws; BlissError Stopped where the process ends without an answer
 */
export async function apart<Name extends keyof Jobs>(name: Name, input: Parameters<Jobs[Name]>[0]): Promise<Awaited<ReturnType<Jobs[Name]>>> {
  const environment = tensorflowEnvironment({ installed: readInstalled() });
  const child = fork(path.join(packageRoot(), 'dist', 'cli', 'apart', 'child.js'), [name], { execArgv: [], env: environment, serialization: 'advanced', stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  const heard = withoutGreetings((text) => void process.stderr.write(printable(text)), { environment });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => heard.write(part));
  const answer = await new Promise<FromApart>((resolve, reject) => {
    let answered: FromApart | undefined;
    child.on('error', reject);
    child.on('message', (message) => (answered = message as FromApart)); // both sides are ours, and of one build
    child.on('close', (code, signal) => {
      heard.end();
      if (answered !== undefined) resolve(answered);
      else reject(new BlissError({ code: 'Stopped', message: `the process that works for this command ended ${signal === null ? `with code ${code ?? '?'}` : `by ${signal}`}`, fix: 'read what it said above; `bliss doctor` says whether TensorFlow loads' }));
    });
    child.send(input);
  });
  if ('fault' in answer) throw fromFault(answer.fault);
  return answer.done as Awaited<ReturnType<Jobs[Name]>>;
}
