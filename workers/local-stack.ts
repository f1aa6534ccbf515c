import { rmSync, writeFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import type { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { homeFault } from '../lib/home-folder.js';
import { packageRoot } from '../lib/package-root.js';
import type { ServerAddress } from './server-address.js';
import { cudaDevices, gpuWorkerEnvironments } from './devices.js';
import { askStack, homeInUse, lockHome, type HomeLock, type StackInfo } from './home-lock.js';
import { readInstalled, tensorflowEnvironment } from './installed.js';
import { onFreePorts } from './ports.js';
import { DEFAULT_NOTICE_SECONDS, type Preemption } from './preemption.js';
import { withDirectLoopback } from './proxy.js';
import { supervise, type ProcessEvent, type Supervisor } from './supervisor.js';
import { requireTemporalBinary } from './temporal-binary.js';
import { LOCAL_NAMESPACE, requireFreePorts, startTemporalServer } from './temporal-server.js';

/** After a worker's own notice it is killed: it should have ended by itself by then. */
const AFTER_NOTICE_MS = 5_000;
const SERVER_GRACE_MS = 10_000;

export interface LocalStackInput {
  readonly home: Home;
  /** absent: free ports */
  readonly ports?: { readonly port: number; readonly uiPort: number };
  /** for the time of one run, and of others that come to stay */
  readonly temporary: boolean;
  /** workers only, for this server */
  readonly configured?: ServerAddress;
  readonly onEvent: (event: ProcessEvent) => void;
  /** how the workers hear that the machine goes, and how long they have. @default 25 s from SIGTERM */
  readonly preemption?: Preemption;
  /** built JavaScript of a worker; default: dist/workers/worker.js */
  readonly workerEntry?: string;
}

export interface LocalStack {
  readonly server: ServerAddress;
  /** absent for a configured server */
  readonly uiAddress: string | undefined;
  readonly gpuWorkers: number;
  /** other commands whose runs go on here */
  guests(): number;
  /** resolves, never rejects, when a part cannot be kept up any more */
  readonly failed: Promise<BlissError>;
  /** workers first, which save checkpoints, then the server */
  stop(): Promise<void>;
  /** ends everything at once; checkpoints are as old as they are */
  kill(): void;
}

/**
 * Temporal server, one CPU worker and a GPU worker for each device (one on the CPU where there is none), each kept up.
 * @throws BlissError NotSetUp, HomeInUse, Usage (no home can be there), PortInUse (before anything is written), CrashLoop
 */
export async function startLocalStack({ home, ports, temporary, configured, onEvent, preemption = { noticeSeconds: DEFAULT_NOTICE_SECONDS }, workerEntry = defaultWorkerEntry() }: LocalStackInput): Promise<LocalStack> {
  const binary = configured === undefined ? requireTemporalBinary() : undefined;
  // asked first: with the ports of a stack that is up here, what helps is to know of that stack
  const other = await askStack(home);
  if (other !== undefined) throw homeInUse(home, other);
  const fault = homeFault(home);
  if (fault !== undefined) throw fault;
  if (configured === undefined && ports !== undefined) await requireFreePorts(ports);
  const started = new Date().toISOString();
  const info: StackInfo = { pid: process.pid, started, temporary, namespace: configured?.namespace ?? LOCAL_NAMESPACE };
  const lock = await lockHome({
    home,
    info,
    // workers of a configured server open no database: every machine may have its own on one home
    ...(configured === undefined ? {} : { alone: false, onNoLocks: (reason: string) => onEvent({ name: 'home', what: 'unlocked', how: reason }) }),
  });
  let announced = info;
  const parts: { server?: Supervisor; workers: Supervisor[] } = { workers: [] };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopInOrder());
  const stopInOrder = async (): Promise<void> => {
    lock.announce({ ...announced, stopping: true });
    await Promise.all(parts.workers.map((worker) => worker.stop(preemption.noticeSeconds * 1000 + AFTER_NOTICE_MS)));
    await parts.server?.stop(SERVER_GRACE_MS);
    await leave(home, lock);
  };
  const kill = (): void => [...parts.workers, ...(parts.server === undefined ? [] : [parts.server])].forEach((part) => part.kill());
  try {
    const temporal =
      binary === undefined
        ? undefined
        : ports === undefined
          ? await onFreePorts((found) => startTemporalServer({ home, binary, onEvent, lock: lock.fd, ...found }))
          : await startTemporalServer({ home, binary, onEvent, lock: lock.fd, ...ports });
    if (temporal !== undefined) parts.server = temporal.supervisor;
    const server = temporal?.server ?? configured;
    if (server === undefined) throw new Error('neither a configured server nor one of our own');
    const workers = startWorkers({ home, server, onEvent, preemption, workerEntry });
    parts.workers.push(...workers);
    const failed = Promise.race([...workers, ...(temporal === undefined ? [] : [temporal.supervisor])].map((part) => part.gaveUp));
    const reason = await Promise.race([Promise.all(workers.map((worker) => worker.ready)).then(() => undefined), failed]);
    if (reason !== undefined) throw reason;
    announced = { ...info, address: server.address, ...(temporal === undefined ? {} : { uiAddress: temporal.uiAddress }) };
    announce({ home, lock, info: announced });
    return { server, uiAddress: temporal?.uiAddress, gpuWorkers: workers.length - 1, guests: lock.guests, failed, stop, kill };
  } catch (error) {
    kill();
    await stop();
    throw error;
  }
}

function startWorkers({ home, server, onEvent, preemption, workerEntry }: Required<Pick<LocalStackInput, 'home' | 'onEvent' | 'preemption' | 'workerEntry'>> & { readonly server: ServerAddress }): Supervisor[] {
  const installed = readInstalled();
  const devices = cudaDevices({ installed });
  const base = withDirectLoopback(tensorflowEnvironment({ installed }));
  const worker = (role: 'cpu' | 'gpu', log: string, environment: NodeJS.ProcessEnv): Supervisor =>
    supervise({
      name: log.replaceAll('-', ' ').replace(/^[cg]pu/, (text) => text.toUpperCase()),
      command: process.execPath,
      args: [workerEntry, '--role', role, '--home', home.root, '--address', server.address, '--namespace', server.namespace, '--notice', String(preemption.noticeSeconds), ...(preemption.file === undefined ? [] : ['--preemption-file', preemption.file])],
      environment,
      logFile: path.join(home.logs, `${log}.log`),
      isReady: isReadyLine,
      onEvent,
      fix: 'run `bliss doctor`; the log has the whole message',
    });
  return [
    // the CPU worker has no use for a device, and TensorFlow would take the device's memory for itself
    worker('cpu', 'cpu-worker', { ...base, CUDA_VISIBLE_DEVICES: '' }),
    ...gpuWorkerEnvironments({ devices, base }).map((environment, index) => worker('gpu', `gpu-worker-${index}`, environment)),
  ];
}

/** The worker says `{"ready":true,…}` once it polls. */
function isReadyLine(line: string): boolean {
  if (!line.startsWith('{')) return false;
  try {
    const said: unknown = JSON.parse(line);
    return typeof said === 'object' && said !== null && 'ready' in said && said.ready === true;
  } catch {
    return false;
  }
}

function announce({ home, lock, info }: { readonly home: Home; readonly lock: HomeLock; readonly info: StackInfo }): void {
  lock.announce(info);
  const beside = `${home.stackFile}.${process.pid}`;
  writeFileSync(beside, `${JSON.stringify(info, undefined, 2)}\n`);
  renameSync(beside, home.stackFile);
}

async function leave(home: Home, lock: HomeLock): Promise<void> {
  rmSync(home.stackFile, { force: true });
  await lock.release();
}

const defaultWorkerEntry = (): string => path.join(packageRoot(), 'dist', 'workers', 'worker.js');
