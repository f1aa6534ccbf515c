import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { tensorFlowEnvironment } from '../../lib/tensor/environment.js';
import { numericsFingerprint } from '../../lib/tensor/index.js';
import { cpuFeatures, gpuModels } from '../../lib/tensor/processor.js';

test('settings become the variables that TensorFlow reads, beside those that are there', () => {
  expect(tensorFlowEnvironment({}, {})).toEqual({});
  expect(tensorFlowEnvironment({ threads: 2 }, {})).toEqual({ TF_NUM_INTRAOP_THREADS: '2', TF_NUM_INTEROP_THREADS: '2' });
  const deterministic = tensorFlowEnvironment({ deterministic: true }, { XLA_FLAGS: '--xla_dump_to=x' });
  expect(deterministic['XLA_FLAGS']).toBe('--xla_dump_to=x --xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0');
  expect(deterministic['NVIDIA_TF32_OVERRIDE']).toBe('0');
});

test("XLA's cache has a folder a kind of processor and flags", () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'xla-cache-'));
  const folder = (inherited: NodeJS.ProcessEnv): string => {
    const found = /--tf_xla_persistent_cache_directory=(\S+)/.exec(tensorFlowEnvironment({ xlaCache: root }, inherited)['TF_XLA_FLAGS']);
    return found?.[1] ?? '';
  };
  const plain = folder({});
  expect(path.dirname(plain)).toBe(root);
  expect(existsSync(plain)).toBe(true);
  expect(folder({})).toBe(plain);
  expect(folder({ XLA_FLAGS: '--xla_cpu_max_isa=AVX2' })).not.toBe(plain);
  rmSync(root, { recursive: true });
});

test('the numerics fingerprint changes with program and flags, and not with where a cache lies', () => {
  const before = { ...process.env };
  try {
    delete process.env['XLA_FLAGS'];
    const base = numericsFingerprint({ programDigest: 'a' });
    expect(base.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(base.parts.tensorflow).toMatch(/^2\.\d+\.\d+/);
    expect(base.parts.device).not.toBe('');
    expect(numericsFingerprint({ programDigest: 'b' }).digest).not.toBe(base.digest);
    process.env['TF_XLA_FLAGS'] = '--tf_xla_persistent_cache_directory=/elsewhere --tf_xla_persistent_cache_device_types=CPU';
    expect(numericsFingerprint({ programDigest: 'a' })).toEqual(base);
    process.env['XLA_FLAGS'] = '--xla_cpu_max_isa=AVX2';
    expect(numericsFingerprint({ programDigest: 'a' }).digest).not.toBe(base.digest);
  } finally {
    process.env = before;
  }
});

test('the processor names its instruction sets; no driver, no GPU', () => {
  expect(cpuFeatures()).toBe(cpuFeatures());
  expect(cpuFeatures().split(' ').length).toBeGreaterThan(1);
  expect(gpuModels('/nowhere')).toEqual([]);
});
