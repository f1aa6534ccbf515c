import path from 'node:path';
import { cacheFolder } from '../../lib/home.js';
import { tensorFlowEnvironment, threadsOfAnOp } from '../../lib/tensor/environment.js';
import { cudaDevices } from '../devices.js';
import { readInstalled } from '../installed.js';

export interface TrainerEnvironment {
  readonly role: 'cpu' | 'gpu';
  /** of the worker. @default this process's */
  readonly base?: NodeJS.ProcessEnv;
  /** CUDA devices that the worker may use. @default those that it sees */
  readonly devices?: readonly string[];
}

/** Environment of a trainer child: TensorFlow reads its settings when it is loaded, so they are set before. */
export function trainerEnvironment({ role, base = process.env, devices = cudaDevices({ installed: readInstalled(), environment: base }) }: TrainerEnvironment): NodeJS.ProcessEnv {
  // TensorFlow takes every device that it sees, and none is a CPU worker's
  if (role === 'cpu') return { ...base, CUDA_VISIBLE_DEVICES: '' };
  const options = {
    xlaCache: path.join(cacheFolder(), 'xla'),
    // said outright, since results depend on it: the same on a machine with more cores where the worker's environment sets it
    threads: threadsOfAnOp(base),
    deterministic: devices.length > 0 && base['BLISS_DETERMINISTIC'] !== '0',
  };
  // BLISS_DEVICE=cpu hides what a driver has; elsewhere a device that could not be listed is left to TensorFlow
  const visible = devices[0] ?? (base['BLISS_DEVICE'] === 'cpu' ? '' : undefined);
  return { ...base, ...tensorFlowEnvironment(options, base), ...(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }) };
}
