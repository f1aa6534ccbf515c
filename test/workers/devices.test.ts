import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cudaDevices, gpuWorkerEnvironments } from '../../workers/devices.js';
import type { Installed } from '../../workers/installed.js';
import { tensorflowEnvironment } from '../../workers/installed.js';
import { trainerEnvironment } from '../../workers/trainer/environment.js';

const installed = (device: 'cpu' | 'gpu'): Installed => ({ tensorflow: { dir: '/tf', version: '2.21.0', device }, temporal: undefined, libraryPath: ['/cuda/cublas/lib', '/cuda/cudnn/lib'] });
const PATH = process.env['PATH'];
afterEach(() => void (process.env['PATH'] = PATH));

/** a driver whose nvidia-smi says this */
function driver(says: string): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bliss-smi-'));
  writeFileSync(path.join(folder, 'nvidia-smi'), `#!/bin/sh\ncat <<'END'\n${says}\nEND\n`);
  chmodSync(path.join(folder, 'nvidia-smi'), 0o755);
  process.env['PATH'] = `${folder}:${PATH ?? ''}`;
}
const TWO = `GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0e5b8a4c-7f1d-4c1b-9d53-2a8f6b6f9f10)
  MIG 1g.10gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)`;

describe('devices', () => {
  test('are the whole GPUs that the driver lists, and those alone that CUDA_VISIBLE_DEVICES names', () => {
    driver(TWO);
    const devices = (environment: NodeJS.ProcessEnv): readonly string[] => cudaDevices({ installed: installed('gpu'), environment });
    expect(devices({})).toEqual(['0', '1']);
    expect(devices({ CUDA_VISIBLE_DEVICES: '1' })).toEqual(['1']);
    expect(devices({ CUDA_VISIBLE_DEVICES: 'MIG-c7384736-a75d-5afc-978f-d2f1294409fd, 1' })).toEqual(['MIG-c7384736-a75d-5afc-978f-d2f1294409fd', '1']);
    expect(devices({ CUDA_VISIBLE_DEVICES: '0,-1,1' })).toEqual(['0']);
    for (const none of [{ CUDA_VISIBLE_DEVICES: '' }, { CUDA_VISIBLE_DEVICES: '-1' }, { BLISS_DEVICE: 'cpu' }]) expect(devices(none)).toEqual([]);
    expect(cudaDevices({ installed: installed('cpu'), environment: {} })).toEqual([]);
  });

  test('are none where the driver lists none or there is no driver', () => {
    driver('No devices were found');
    expect(cudaDevices({ installed: installed('gpu'), environment: {} })).toEqual([]);
    process.env['PATH'] = mkdtempSync(path.join(os.tmpdir(), 'bliss-empty-'));
    expect(cudaDevices({ installed: installed('gpu'), environment: {} })).toEqual([]);
  });

  test('have a worker each, which sees its own alone, with CUDA on the loader’s path', () => {
    const base = tensorflowEnvironment({ installed: installed('gpu'), base: { LD_LIBRARY_PATH: '/mine', HOME: '/root' } });
    expect(base).toMatchObject({ HOME: '/root', LD_LIBRARY_PATH: '/cuda/cublas/lib:/cuda/cudnn/lib:/mine', TF_FORCE_GPU_ALLOW_GROWTH: 'true', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
    expect(gpuWorkerEnvironments({ devices: ['0', '1'], base })).toEqual([{ ...base, CUDA_VISIBLE_DEVICES: '0' }, { ...base, CUDA_VISIBLE_DEVICES: '1' }]);
    expect(gpuWorkerEnvironments({ devices: [], base })).toEqual([base]);
  });
});

describe('a trainer', () => {
  const base = { PATH: '/bin', TF_NUM_INTRAOP_THREADS: '3' };

  test('of a CPU worker sees no GPU', () => {
    expect(trainerEnvironment({ role: 'cpu', base, devices: ['0'] })).toMatchObject({ ...base, CUDA_VISIBLE_DEVICES: '' });
  });

  test('on a GPU has one device, its memory as it needs it, and the same bits from run to run unless that is switched off', () => {
    const on = trainerEnvironment({ role: 'gpu', base: { ...base, LD_LIBRARY_PATH: '/mine:/cuda/cublas/lib' }, installed: installed('gpu'), devices: ['1', '2'] });
    // its worker's, which has the folders already, or that of a process that was started without
    expect(on).toMatchObject({ LD_LIBRARY_PATH: '/cuda/cublas/lib:/cuda/cudnn/lib:/mine', CUDA_VISIBLE_DEVICES: '1', TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_DETERMINISTIC_OPS: '1', NVIDIA_TF32_OVERRIDE: '0' });
    expect(on['XLA_FLAGS']).toContain('--xla_gpu_deterministic_ops=true');
    const off = trainerEnvironment({ role: 'gpu', base: { ...base, BLISS_DETERMINISTIC: '0' }, devices: ['1'] });
    for (const variable of ['TF_DETERMINISTIC_OPS', 'NVIDIA_TF32_OVERRIDE', 'XLA_FLAGS']) expect(off[variable], variable).toBeUndefined();
  });

  test('on the CPU has its number of threads said, since bits depend on it, and none of the GPU’s flags', () => {
    const on = trainerEnvironment({ role: 'gpu', base, devices: [] });
    expect(on['TF_NUM_INTRAOP_THREADS']).toBe('3');
    expect(trainerEnvironment({ role: 'gpu', base: { PATH: '/bin' }, devices: [] })['TF_NUM_INTRAOP_THREADS']).toBe(String(os.availableParallelism()));
    expect(trainerEnvironment({ role: 'gpu', base: { ...base, BLISS_DEVICE: 'cpu' }, devices: [] })['CUDA_VISIBLE_DEVICES']).toBe('');
    for (const variable of ['CUDA_VISIBLE_DEVICES', 'TF_DETERMINISTIC_OPS', 'NVIDIA_TF32_OVERRIDE']) expect(on[variable], variable).toBeUndefined();
    expect(on['XLA_FLAGS']).toBe('--xla_disable_hlo_passes=cse_barrier_expander'); // a GPU's compiler keeps its passes
    expect(trainerEnvironment({ role: 'gpu', base, devices: ['0'] })['XLA_FLAGS']).not.toContain('cse_barrier_expander');
  });
});
