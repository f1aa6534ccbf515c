import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { startReaderThread } from '../../lib/data/index.js';
import { openStore, fileBlobs, writeFileAtomic, type Store } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { openHome } from '../../lib/home.js';
import { packageVersion } from '../../lib/package-root.js';
import { ProgramCache } from '../../lib/programs/index.js';
import { executeStage, type StageTask } from '../../lib/stages/execution/execute.js';
import { stageByName } from '../../lib/stages/index.js';
import { ALIVE_TIMEOUT_SECONDS, fromTrainer, toTrainer, type FromTrainer } from './protocol.js';

/**
 * The trainer: a child of a worker that does the blocking work of stages, one at a time, and keeps compiled programs
 * from one stage to the next. It dies with its worker.
 */
const programs = new ProgramCache();
/** One a home, from one stage to the next: what was checked is not read again to be checked. */
const stores = new Map<string, Store>();
let stopReason: string | undefined;
let heardAt = performance.now();
let busy = false;

function say(message: FromTrainer): void {
  process.send?.(fromTrainer.parse(message));
}

/** Lets messages in, and ends a trainer whose worker has gone or stands still. */
async function hearWorker(): Promise<void> {
  await yieldToEvents();
  await yieldToEvents(); // the first turn may be the one in which the message was polled
  if (!process.connected) process.exit(1);
  if ((performance.now() - heardAt) / 1000 > ALIVE_TIMEOUT_SECONDS) {
    process.stderr.write('trainer: the worker has not answered; ending so that no two attempts train at once\n');
    process.exit(1);
  }
}

async function start(task: StageTask, homeRoot: string): Promise<void> {
  const home = openHome(homeRoot);
  const store = stores.get(home.store) ?? openStore({ blobs: fileBlobs({ root: home.store }), codeVersion: packageVersion() });
  stores.set(home.store, store);
  const runFolder = home.run(task.run);
  const finished = executeStage({
    stage: stageByName(task.name),
    task,
    store,
    blobs: store.blobs,
    programs,
    scratch: path.join(home.root, 'scratch'),
    hooks: {
      onProgress: async ({ step, of, atMost, amount, metrics, dataWait }) => {
        say({ type: 'progress', step, of, ...(atMost === true ? { atMost } : {}), ...(amount === undefined ? {} : { amount }), metrics: { ...metrics }, ...(dataWait === undefined ? {} : { dataWait }) });
        await hearWorker();
      },
      onPhase: async (phase) => {
        say({ type: 'phase', phase });
        await hearWorker();
        heardAt = performance.now(); // compiling blocks the event loop: silence until now is no sign
      },
      onCheckpoint: async (checkpoint) => {
        say({ type: 'checkpoint', ...checkpoint });
        await hearWorker();
      },
      onEvent: ({ name, detail }) => say({ type: 'event', name, detail }),
      onNote: (text) => say({ type: 'note', text }),
      onSetAside: ({ checkpoint, reason }) => say({ type: 'event', name: 'checkpoint set aside', detail: `${checkpoint}: ${reason}` }),
      onMetrics: async (lines) => {
        if (lines.length === 0) return;
        const file = path.join(runFolder.root, 'metrics', `${task.stage.replaceAll('/', '.')}.jsonl`);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFileAtomic(file, lines.map((line) => `${line}\n`).join(''));
      },
      timings: async () => (await readFile(runFolder.timings, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''), // a run whose stages were all found has none
      stopReason: () => stopReason,
    },
  });
  await finished.catch(() => undefined);
  await programs.stageEnded(); // before the worker hears of the end, and gives the next
  const result = await finished;
  say({ type: 'done', result });
}

function fail(error: unknown): void {
  const known = error instanceof BlissError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  say({
    type: 'failed',
    code: known?.code ?? (error instanceof Error ? error.name : 'Error'),
    message,
    ...(known?.fix === undefined ? {} : { fix: known.fix }),
    // what is not one of ours may be the machine's fault: another attempt may do better, five in a row end the stage
    retryable: known === undefined || known.retryable,
    ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
  });
}

process.on('message', (raw) => {
  heardAt = performance.now();
  const message = toTrainer.parse(raw);
  if (message.type === 'stop') stopReason = message.reason;
  if (message.type !== 'start') return;
  if (busy) {
    fail(new Error('a trainer runs one stage at a time'));
    return;
  }
  busy = true;
  stopReason = undefined;
  // the sending side built the task from typed values; JSON carries no more than that
  start(message.task as StageTask, message.home)
    .catch(fail)
    .finally(() => {
      busy = false;
    });
});
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole foreground group: the worker decides what its trainer does
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
startReaderThread(); // beside TensorFlow's loading
say({ type: 'ready', pid: process.pid });
