import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { tensorFlowEnvironment } from '../../lib/tensor/environment.js';
import { numericsFingerprint } from '../../lib/tensor/index.js';
import { cpuFeatures, gpuModel, listGpus, parseGpus } from '../../lib/tensor/processor.js';

test('settings become the variables that TensorFlow reads, beside those that are there', () => {
  const always = { TF_FORCE_GPU_ALLOW_GROWTH: 'true', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
  expect(tensorFlowEnvironment({}, {})).toEqual(always);
  expect(tensorFlowEnvironment({}, { TF_FORCE_GPU_ALLOW_GROWTH: 'false', CUDA_DEVICE_ORDER: 'FASTEST_FIRST' })).toEqual({ TF_FORCE_GPU_ALLOW_GROWTH: 'false', CUDA_DEVICE_ORDER: 'FASTEST_FIRST' });
  expect(tensorFlowEnvironment({ threads: 2 }, {})).toEqual({ ...always, TF_NUM_INTRAOP_THREADS: '2', TF_NUM_INTEROP_THREADS: '2' });
  const both = tensorFlowEnvironment({ keepBarriers: true, deterministic: true }, { XLA_FLAGS: '--xla_dump_to=x' })['XLA_FLAGS']?.split(' ');
  expect(both?.slice(0, 3)).toEqual(['--xla_dump_to=x', '--xla_disable_hlo_passes=cse_barrier_expander', '--xla_gpu_deterministic_ops=true']);
  const deterministic = tensorFlowEnvironment({ deterministic: true }, { XLA_FLAGS: '--xla_dump_to=x' });
  expect(deterministic['XLA_FLAGS']?.split(' ')).toEqual(['--xla_dump_to=x', '--xla_gpu_deterministic_ops=true', '--xla_gpu_autotune_level=0', '--xla_gpu_enable_triton_gemm=false', '--xla_gpu_enable_scatter_determinism_expander=true']);
  expect(deterministic['NVIDIA_TF32_OVERRIDE']).toBe('0');
});

test("XLA's cache has a folder a kind of processor, number of threads and flags", () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'xla-cache-'));
  const folder = (inherited: NodeJS.ProcessEnv): string => {
    const found = /--tf_xla_persistent_cache_directory=(\S+)/.exec(tensorFlowEnvironment({ xlaCache: [root] }, inherited)['TF_XLA_FLAGS']);
    return found?.[1] ?? '';
  };
  const plain = folder({});
  expect(path.dirname(plain)).toBe(root);
  expect(existsSync(plain)).toBe(true);
  expect(folder({})).toBe(plain);
  expect(folder({ XLA_FLAGS: '--xla_cpu_max_isa=AVX2' })).not.toBe(plain);
  // XLA compiles for a number of threads
  expect(folder({ TF_NUM_INTRAOP_THREADS: '61' })).not.toBe(plain);
  rmSync(root, { recursive: true });
});

test('the numerics fingerprint changes with program, flags and threads, and not with where a cache lies', () => {
  const before = { ...process.env };
  try {
    for (const variable of ['XLA_FLAGS', 'TF_XLA_FLAGS', 'TF_NUM_INTRAOP_THREADS', 'NVIDIA_TF32_OVERRIDE', 'ONEDNN_MAX_CPU_ISA']) delete process.env[variable];
    const base = numericsFingerprint({ programDigest: 'a' });
    expect(base.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(base.parts.tensorflow).toMatch(/^2\.\d+\.\d+/);
    expect(base.parts.device).not.toBe('');
    expect(numericsFingerprint({ programDigest: 'b' }).digest).not.toBe(base.digest);
    for (const elsewhere of ['/elsewhere', '"/else \\"where\\" #1/x"']) {
      process.env['TF_XLA_FLAGS'] = `--tf_xla_persistent_cache_directory=${elsewhere} --tf_xla_persistent_cache_device_types=CPU`;
      expect(numericsFingerprint({ programDigest: 'a' })).toEqual(base);
    }
    const others = [['XLA_FLAGS', '--xla_cpu_max_isa=AVX2'], ['TF_NUM_INTRAOP_THREADS', '61'], ['NVIDIA_TF32_OVERRIDE', '0'], ['ONEDNN_MAX_CPU_ISA', 'AVX2']] as const;
    for (const [variable, value] of others) {
      process.env[variable] = value;
      expect(numericsFingerprint({ programDigest: 'a' }).digest, variable).not.toBe(base.digest);
      delete process.env[variable];
    }
    expect(numericsFingerprint({ programDigest: 'a' })).toEqual(base);
  } finally {
    process.env = before;
  }
});

test('the processor names its instruction sets', () => {
  expect(cpuFeatures()).toBe(cpuFeatures());
  expect(cpuFeatures().split(' ').length).toBeGreaterThan(1);
});

test('without nvidia-smi GPUs are what the kernel lists, in the order on the bus; without a driver there are none', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'driver-'));
  const before = process.env['PATH'];
  try {
    process.env['PATH'] = folder;
    for (const [bus, model, uuid] of [['0000:ab:00.0', 'NVIDIA H200', 'GPU-b'], ['0000:1b:00.0', 'NVIDIA H100 80GB HBM3', 'GPU-a']]) {
      mkdirSync(path.join(folder, 'gpus', bus), { recursive: true });
      writeFileSync(path.join(folder, 'gpus', bus, 'information'), `Model: \t\t ${model}\nIRQ:   \t\t 42\nGPU UUID: \t ${uuid}\n`);
    }
    expect(listGpus(path.join(folder, 'gpus'))).toEqual([{ index: 0, uuid: 'GPU-a', model: 'NVIDIA H100 80GB HBM3' }, { index: 1, uuid: 'GPU-b', model: 'NVIDIA H200' }]);
    expect(listGpus(path.join(folder, 'none'))).toEqual([]);
  } finally {
    process.env['PATH'] = before;
    rmSync(folder, { recursive: true });
  }
});

test('the GPU that computes is the first visible one, by its place on the bus, its UUID or the beginning of that, or a part of one', () => {
  const devices = parseGpus(
    [
      'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)',
      '  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)',
      'GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-0e5b8a4c-7f1d-4c1b-9d53-2a8f6b6f9f10)',
      '',
    ].join('\n'),
  );
  expect(devices.map(({ index, model }) => [index, model])).toEqual([[0, 'NVIDIA A100-SXM4-40GB'], [null, 'NVIDIA A100-SXM4-40GB, MIG 3g.20gb'], [1, 'NVIDIA H100 80GB HBM3']]);
  const model = (visible: string | undefined): string => gpuModel({ visible, devices });
  expect(model(undefined)).toBe('NVIDIA A100-SXM4-40GB');
  expect(model('1')).toBe('NVIDIA H100 80GB HBM3');
  expect(model('1,0')).toBe('NVIDIA H100 80GB HBM3');
  expect(model('GPU-0e5b')).toBe('NVIDIA H100 80GB HBM3');
  expect(model('MIG-c7384736-a75d-5afc-978f-d2f1294409fd')).toBe('NVIDIA A100-SXM4-40GB, MIG 3g.20gb');
  for (const unknown of ['7', '', 'GPU-ffff']) expect(model(unknown)).toBe('unknown GPU');
});
