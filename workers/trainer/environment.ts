import path from 'node:path';
import { cacheFolder, ownCacheFolder } from '../../lib/home.js';
import { tensorFlowEnvironment, threadsOfAnOp } from '../../lib/tensor/environment.js';
import { cudaDevices } from '../devices.js';
import { readInstalled, tensorflowEnvironment, type Installed } from '../installed.js';

export interface TrainerEnvironment {
  readonly role: 'cpu' | 'gpu';
  /** of the worker. @default this process's */
  readonly base?: NodeJS.ProcessEnv;
  /** what the set-up laid out. @default its record */
  readonly installed?: Installed;
  /** CUDA devices that the worker may use. @default those that it sees */
  readonly devices?: readonly string[];
}

/** Environment of a trainer child, or of any process that computes as one: TensorFlow reads its settings when it is loaded, so they are set before. */
export function trainerEnvironment({ role, base = process.env, installed = readInstalled(), devices = cudaDevices({ installed, environment: base }) }: TrainerEnvironment): NodeJS.ProcessEnv {
  const withLibraries = tensorflowEnvironment({ installed, base });
  // TensorFlow takes every device that it sees, and none is a CPU worker's
  if (role === 'cpu') return { ...withLibraries, CUDA_VISIBLE_DEVICES: '' };
  const options = {
    // a cache may be another user's, who shares it
    xlaCache: [cacheFolder(), ownCacheFolder()].map((cache) => path.join(cache, 'xla')),
    // said outright, since results depend on it: the same on a machine with more cores where the worker's environment sets it
    threads: threadsOfAnOp(base),
    keepBarriers: devices.length === 0,
    deterministic: devices.length > 0 && base['BLISS_DETERMINISTIC'] !== '0',
  };
  // BLISS_DEVICE=cpu hides what a driver has; elsewhere a device that could not be listed is left to TensorFlow
  const visible = devices[0] ?? (base['BLISS_DEVICE'] === 'cpu' ? '' : undefined);
  return { ...withLibraries, ...tensorFlowEnvironment(options, base), ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }) };
}
