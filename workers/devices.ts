import { listGpus } from '../lib/tensor/processor.js';
import type { Installed } from './installed.js';

/**
 * CUDA devices to put one worker on each, as values of CUDA_VISIBLE_DEVICES. Empty: one worker on the CPU.
 * BLISS_DEVICE=cpu and a CPU build of TensorFlow count as no device, whatever the driver shows.
 */
export function cudaDevices({ installed, environment = process.env }: { readonly installed: Installed; readonly environment?: NodeJS.ProcessEnv }): readonly string[] {
  if (environment['BLISS_DEVICE'] === 'cpu' || installed.tensorflow?.device === 'cpu') return [];
  const visible = environment['CUDA_VISIBLE_DEVICES'];
  if (visible !== undefined) {
    const named = visible.split(',').map((device) => device.trim());
    // CUDA itself ignores everything from the first -1 on
    const end = named.indexOf('-1');
    return (end === -1 ? named : named.slice(0, end)).filter((device) => device !== '');
  }
  return listGpus().flatMap(({ index }) => (index === null ? [] : [String(index)]));
}

/** Environment of each GPU worker, one a device; one on the CPU where there is no device. */
export function gpuWorkerEnvironments({ devices, base }: { readonly devices: readonly string[]; readonly base: NodeJS.ProcessEnv }): readonly NodeJS.ProcessEnv[] {
  return devices.length === 0 ? [base] : devices.map((device) => ({ ...base, CUDA_VISIBLE_DEVICES: device }));
}
