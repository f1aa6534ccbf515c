import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { homeFault, isOpenToOthers } from '../../lib/home-folder.js';
import { NOTICE_COMMAND, noticeCommand } from '../../lib/notices/index.js';
import { packageRoot } from '../../lib/package-root.js';
import { isGreeting } from '../../lib/tensor/greetings.js';
import { configuredServer } from '../../workers/connection.js';
import { cudaDevices } from '../../workers/devices.js';
import { lockProgramFault } from '../../workers/file-lock.js';
import { askStack, homeInUse, isUp } from '../../workers/home-lock.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { missing, ok, warning, type Check, type Outcome } from './check.js';
import { serverChecks } from './check-server.js';
import { errorAnswer } from '../output.js';
import type { ProbeAnswer } from './probe-tensorflow.js';

const SET_UP = 'run `npm run setup`';

/** Everything that a run here needs, in the order in which it would meet it. */
export async function runChecks(home: Home): Promise<Check[]> {
  const { tensorflow, device } = tensorflowChecks();
  return [
    { name: 'Node', ...nodeVersion() },
    { name: 'Build', ...build() },
    { name: 'TensorFlow', ...tensorflow },
    { name: 'Device', ...device },
    ...(await temporal()),
    { name: 'Home', ...(await homeState(home)) },
    { name: 'Disk', ...disk(home) },
    { name: 'Memory', ...memory() },
    ...notices(),
  ];
}

/** package.json `engines` */
const NODE_FROM = [20, 19] as const;
const NODE_BELOW = 23;

function nodeVersion(): Outcome {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = (major > NODE_FROM[0] || (major === NODE_FROM[0] && minor >= NODE_FROM[1])) && major < NODE_BELOW;
  return fits ? ok(process.version) : missing(process.version, `install Node ${NODE_FROM.join('.')} or newer, below ${NODE_BELOW}`);
}

function build(): Outcome {
  const lacking = ['workers/worker.js', 'workflow-bundle.js'].map((file) => path.join(packageRoot(), 'dist', file)).filter((file) => !existsSync(file));
  return lacking.length === 0 ? ok(path.join(packageRoot(), 'dist')) : missing(`there is no ${lacking.join(' and no ')}`, 'run `npm run build`');
}

/** A first load of the library from a cold disk takes a few seconds. */
const PROBE_TIMEOUT_MS = 60_000;

function tensorflowChecks(): { tensorflow: Outcome; device: Outcome } {
  const installed = readInstalled();
  const probe = spawnSync(process.execPath, [fileURLToPath(new URL('./probe-tensorflow.js', import.meta.url))], { encoding: 'utf8', env: tensorflowEnvironment({ installed }), timeout: PROBE_TIMEOUT_MS });
  const answer = readAnswer(probe.stdout);
  if (answer === undefined) {
    const said = (probe.stderr ?? '').split('\n').map((line) => line.trim()).filter((line) => !isGreeting(line)).find((line) => /error|cannot|not found|undefined symbol/i.test(line));
    const how = probe.signal === null ? `it ended with code ${probe.status ?? '?'}` : `it was ended by ${probe.signal}`;
    return { tensorflow: missing(`does not load: ${said ?? how}`, SET_UP), device: missing('unknown while TensorFlow does not load', SET_UP) };
  }
  const { tensorflow } = installed;
  const library = tensorflow === undefined ? 'library as npm laid it out' : `${tensorflow.version} for ${tensorflow.device === 'gpu' ? 'CUDA' : 'the CPU'} in ${tensorflow.dir}`;
  const loads = answer.sum === 12 ? ok(library) : missing(`${library}, but 2×3 times 3×2 ones sum to ${answer.sum} and not 12`, SET_UP);
  const devices = cudaDevices({ installed });
  if (answer.gpu) return { tensorflow: loads, device: ok(`GPU${devices.length === 0 ? '' : ` ${devices.join(', ')}`}`) };
  const cpu = `CPU, ${os.availableParallelism()} cores`;
  return { tensorflow: loads, device: devices.length === 0 ? ok(cpu) : warning(`${cpu}; the GPU is not used by this TensorFlow`, 'run `BLISS_DEVICE=gpu npm run setup`') };
}

function readAnswer(stdout: string | null): ProbeAnswer | undefined {
  const line = (stdout ?? '').split('\n').find((each) => each.startsWith('{'));
  return line === undefined ? undefined : (JSON.parse(line) as ProbeAnswer); // printed by our own probe
}

async function temporal(): Promise<readonly Check[]> {
  const name = 'Temporal';
  try {
    const configured = configuredServer();
    return configured === undefined ? [{ name, ...temporalBinary() }] : await serverChecks(configured);
  } catch (error) {
    if (error instanceof BlissError) return [{ name, ...missing(`${error.where === undefined ? '' : `${error.where}: `}${errorAnswer(error).message}`, error.fix ?? SET_UP) }];
    throw error;
  }
}

function temporalBinary(): Outcome {
  const binary = requireTemporalBinary();
  const { stdout, status } = spawnSync(binary.file, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? ok(`${stdout.trim()} (${binary.origin}: ${binary.file})`) : missing(`${binary.file} does not run`, `${SET_UP}, or set TEMPORAL_CLI_PATH`);
}

async function homeState(home: Home): Promise<Outcome> {
  const fault = homeFault(home) ?? lockProgramFault();
  if (fault !== undefined) return missing(errorAnswer(fault).message, fault.fix ?? '');
  const stack = await askStack(home);
  if (stack !== undefined && !isUp(stack)) {
    const taken = homeInUse(home, stack);
    return missing(`${home.root}: ${taken.bare}`, taken.fix ?? '');
  }
  const found = stack === undefined ? home.root : `${home.root}, with the stack of process ${stack.pid} at ${stack.address ?? 'an address to come'}`;
  return isOpenToOthers(home) ? warning(`${found}; other users may look into it`, "`chmod go-rwx` it, unless it is shared on purpose") : ok(found);
}

/** Only where somebody is to be told by a program: a run that asks for one says whether it is needed. */
function notices(): Check[] {
  const { [NOTICE_COMMAND]: written = '' } = process.env;
  if (written === '') return [];
  try {
    return [{ name: 'Notices', ...ok(noticeCommand(process.env).join(' ')) }];
  } catch (error) {
    if (error instanceof BlissError) return [{ name: 'Notices', ...warning(error.bare, error.fix ?? '') }];
    throw error;
  }
}

const GB = 1e9;
/** The demo's artifacts, checkpoints and XLA's cache take about a third of it. */
const DISK_NEEDED = 2 * GB;
/** Server, two workers and a trainer of the demo. */
const MEMORY_NEEDED = 2 * GB;
const MEMORY_COMFORTABLE = 4 * GB;
const gigabytes = (bytes: number): string => `${(bytes / GB).toFixed(1)} GB`;

function disk(home: Home): Outcome {
  let folder = home.root;
  while (!existsSync(folder)) folder = path.dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const found = `${gigabytes(free)} free for ${home.root}`;
  return free >= DISK_NEEDED ? ok(found) : missing(found, `free ${gigabytes(DISK_NEEDED)} there, or set --home to another disk`);
}

function memory(): Outcome {
  const limit = process.constrainedMemory() ?? 0;
  const total = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  const found = `${gigabytes(total)}${total < os.totalmem() ? ' (limit of this container)' : ''}`;
  if (total < MEMORY_NEEDED) return missing(found, `the demo needs ${gigabytes(MEMORY_NEEDED)}`);
  return total < MEMORY_COMFORTABLE ? warning(found, `${gigabytes(MEMORY_COMFORTABLE)} are better`) : ok(found);
}
