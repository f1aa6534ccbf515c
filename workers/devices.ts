import { execFileSync } from 'node:child_process';
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
  try {
    const output = execFileSync('nvidia-smi', ['--query-gpu=index', '--format=csv,noheader'], { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] });
    return output.split('\n').map((line) => line.trim()).filter((line) => /^\d+$/.test(line));
  } catch {
    return []; // no driver
  }
}
