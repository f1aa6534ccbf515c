import path from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { BlissError } from '../../lib/errors.js';
import { configuredServer } from '../../workers/connection.js';
import { startLocalStack, type LocalStack } from '../../workers/local-stack.js';
import { DEFAULT_NOTICE_SECONDS } from '../../workers/preemption.js';
import { serverAnswers } from '../../workers/server-answers.js';
import { action } from '../command.js';
import type { Output } from '../output.js';
import { eventNotes } from '../session.js';
import { listenForInterrupt } from '../signals.js';

/** Where the `temporal` CLI and its UI look by default. */
const PORT = 7233;
const UI_PORT = 8233;

export function addDev(program: Command): void {
  program
    .command('dev')
    .description('keep the local stack running: Temporal server with Web UI, and workers, until Ctrl-C; with TEMPORAL_ADDRESS only the workers')
    .option('--port <port>', 'port of the Temporal server', port, PORT)
    .option('--ui-port <port>', 'port of the Temporal Web UI', port, UI_PORT)
    .option('--preemption-notice <seconds>', 'seconds that a worker has to save, from SIGTERM or the preemption file on, before it is ended', seconds, DEFAULT_NOTICE_SECONDS)
    .option('--preemption-file <file>', 'a file that tells the workers to save and take no work, for as long as it exists')
    .action(
      action(async ({ home, output }, options: DevOptions) => {
        if (options.port === options.uiPort) throw new BlissError({ code: 'Usage', message: `port ${options.port} cannot be both`, where: '--port, --ui-port', fix: 'give two different ports' });
        const configured = configuredServer();
        let stack: LocalStack | undefined;
        const interrupt = listenForInterrupt({
          again: () => {
            stack?.kill();
            process.exit(130);
          },
        });
        try {
          if (configured !== undefined && !(await serverAnswers({ server: configured, onSilence: (line) => output.note(line), signal: interrupt.signal }))) return 0;
          stack = await startLocalStack({ home, temporary: false, ports: { port: options.port, uiPort: options.uiPort }, ...(configured === undefined ? {} : { configured }), preemption: { noticeSeconds: options.preemptionNotice, ...(options.preemptionFile === undefined ? {} : { file: path.resolve(options.preemptionFile) }) }, onEvent: eventNotes(output) });
          sayAddresses(output, home.root, stack);
          const failure = await Promise.race([stack.failed, aborted(interrupt.signal)]);
          if (failure instanceof BlissError) throw failure;
          output.note(`stopping: the workers save checkpoints${configured === undefined ? ', then the server ends' : ''} (Ctrl-C again ends at once)`);
          return 0;
        } finally {
          await stack?.stop();
          interrupt.release();
        }
      }),
    );
}

interface DevOptions {
  readonly port: number;
  readonly uiPort: number;
  readonly preemptionNotice: number;
  readonly preemptionFile?: string;
}

function seconds(text: string): number {
  const number = Number(text);
  if (!(number >= 5)) throw new InvalidArgumentError('seconds are a number of at least 5.');
  return number;
}

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new InvalidArgumentError('a port is a number from 1 to 65535.');
  return number;
}

function sayAddresses(output: Output, home: string, { server, uiAddress, gpuWorkers }: LocalStack): void {
  output.say(
    [
      'the local stack is up; Ctrl-C ends it with checkpoints saved',
      `  Temporal  ${server.address}, namespace ${server.namespace}${server.kind === 'configured' ? ' (configured)' : ''}`,
      ...(uiAddress === undefined ? [] : [`  Web UI    ${uiAddress}`]),
      `  workers   1 CPU, ${gpuWorkers} GPU`,
      `  home      ${home}`,
    ].join('\n'),
  );
  output.answer({ address: server.address, namespace: server.namespace, uiAddress: uiAddress ?? null, gpuWorkers, home, pid: process.pid });
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
