import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { NativeConnection, Runtime, Worker, DefaultLogger, type LogEntry } from '@temporalio/worker';
import { createControlActivities, createCpuActivities, createGpuActivities, progressFiles } from '../activities/index.js';
import { fileBlobs, openStore } from '../lib/artifacts/index.js';
import { BlissError } from '../lib/errors.js';
import { openHome } from '../lib/home.js';
import { makeHome } from '../lib/home-folder.js';
import { packageVersion } from '../lib/package-root.js';
import { printable } from '../lib/printable.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE } from '../workflows/types.js';
import { serverAt } from './connection.js';
import { DEFAULT_NOTICE_SECONDS, noticeOver, watchForNotice } from './preemption.js';
import { serverAnswers } from './server-answers.js';
import { createTrainer } from './trainer/trainer.js';
import { trainerEnvironment } from './trainer/environment.js';

/**
 * A worker: `cpu` runs the workflows and the stages without tensors, `gpu` one tensor stage at a time.
 * SIGTERM, or the file of a preemption notice: running stages save a checkpoint and end, all within --notice seconds; then exit 0.
 * Started while that file is there, it waits until it is gone: nothing would be finished in the meantime.
 */
const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    home: { type: 'string' },
    address: { type: 'string' },
    namespace: { type: 'string', default: 'default' },
    /** seconds from SIGTERM to the end */
    notice: { type: 'string', default: String(DEFAULT_NOTICE_SECONDS) },
    /** its appearance is a notice like SIGTERM */
    'preemption-file': { type: 'string' },
  },
});
if ((values.role !== 'cpu' && values.role !== 'gpu') || values.home === undefined || values.address === undefined) {
  process.stderr.write('worker: --role cpu|gpu, --home DIR and --address HOST:PORT are needed\n');
  process.exit(2);
}
const role = values.role;
const noticeMs = Number(values.notice) * 1000;
/** stages that a CPU worker runs at once, each in a child of its own */
const CPU_STAGES = 2;
/** cancellation reaches an activity in answer to a heartbeat that was sent: send at least this often */
const HEARTBEAT_THROTTLE = '1s';
/** the last of the notice is kept for reporting the failure and closing the connection */
const CLOSING_MS = 2_000;

/** failures may quote what was read */
const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
const log = ({ level, timestampNanos, message, meta }: LogEntry): void => say(`${new Date(Number(timestampNanos / 1_000_000n)).toISOString()} [${level}] ${message}${meta === undefined ? '' : ` ${inspect(meta)}`}`);

Runtime.install({ logger: new DefaultLogger('WARN', log) });
const home = openHome(values.home);
makeHome(home);
const server = serverAt({ address: values.address, namespace: values.namespace });
/** while nothing runs yet; the SDK takes the first signal for itself, with no worker to tell */
const leave = (): never => process.exit(0);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, leave);
try {
  await serverAnswers({ server, onSilence: (line) => say(`worker: ${line}`) });
} catch (error) {
  say(`worker: ${error instanceof BlissError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exit(1);
}
const connection = await NativeConnection.connect(server.connection);
const trainer = createTrainer({ environment: trainerEnvironment({ role }) });
const blobs = fileBlobs({ root: home.store });
const store = openStore({ blobs, codeVersion: packageVersion() });
const dependencies = { trainer, home: home.root, progressFiles: progressFiles(home) };

const shared = {
  connection,
  namespace: values.namespace,
  shutdownGraceTime: 0, // a preemption notice is short: ask the stages to save at once
  shutdownForceTime: Math.max(1_000, noticeMs - CLOSING_MS),
  maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
  defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
} as const;
const workers =
  role === 'cpu'
    ? [
        await Worker.create({
          ...shared,
          taskQueue: CPU_QUEUE,
          workflowBundle: { codePath: path.resolve(fileURLToPath(import.meta.url), '../../workflow-bundle.js') },
          activities: createCpuActivities(dependencies),
          maxConcurrentActivityTaskExecutions: CPU_STAGES,
        }),
        await Worker.create({ ...shared, taskQueue: CONTROL_QUEUE, activities: createControlActivities({ store, blobs, home, environment: process.env }) }),
      ]
    : [await Worker.create({ ...shared, taskQueue: GPU_QUEUE, activities: createGpuActivities(dependencies), maxConcurrentActivityTaskExecutions: 1 })];

process.stdout.write(`${JSON.stringify({ ready: true, role, pid: process.pid })}\n`);
const file = values['preemption-file'];
if (file !== undefined) await noticeOver(file);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, leave);
if (file !== undefined) {
  watchForNotice(file, () => {
    process.stdout.write(`worker: ${printable(file)} is there: saving and ending\n`);
    process.kill(process.pid, 'SIGTERM');
  });
}
try {
  await Promise.all(workers.map((worker) => worker.run())); // they end on SIGTERM and SIGINT
  trainer.close();
  await connection.close();
  process.exit(0);
} catch (error) {
  // a stage that did not end within the notice: the process must not hang on it
  say(`worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  trainer.close();
  process.exit(1);
}
