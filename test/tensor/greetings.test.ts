import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { isGreeting, withoutGreetings } from '../../lib/tensor/greetings.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';

const QUIET = { environment: {} };

test('all that this TensorFlow says while it is loaded well is a greeting', () => {
  const { stderr, status } = spawnSync(process.execPath, [path.join(packageRoot(), 'dist', 'cli', 'doctor', 'probe-tensorflow.js')], { encoding: 'utf8', env: tensorflowEnvironment({ installed: readInstalled() }) });
  expect(status, stderr).toBe(0);
  expect(stderr).not.toBe(''); // else there is nothing to keep from people, and this file can go
  expect(stderr.split('\n').filter((line) => line !== '' && !isGreeting(line))).toEqual([]);
});

/** as TensorFlow 2.21 and earlier ones write them */
const GREETINGS = [
  'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR',
  'I0000 00:00:1796056363.210849   15585 port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results due to floating-point round-off errors from different computation orders.',
  'W0000 00:00:1796056363.210849   15585 cuda_executor.cc:1228] no NUMA node',
  'I1130 16:29:07.123456   15585 cpu_feature_guard.cc:227] This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations.',
  'To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate compiler flags.',
  '2026-11-30 16:29:07.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.',
  'E0000 00:00:1796056363.210849   15585 cuda_fft.cc:467] Unable to register cuFFT factory: Attempting to register factory for plugin cuFFT when one has already been registered',
];
const ERRORS = [
  'E0000 00:00:1796056363.210849   15585 cuda_executor.cc:1228] failed call to cuInit: CUDA_ERROR_NO_DEVICE',
  'F0000 00:00:1796056363.210849   15585 tensor.cc:100] Check failed: out of memory',
  '2026-11-30 16:29:07.123456: E tensorflow/core/framework/op_kernel.cc:1] no kernel',
  'node: symbol lookup error: undefined symbol: TF_Version',
  'WARNING: the disk is nearly full',
  '',
];

test('information and warnings are greetings, errors and all other words are none', () => {
  for (const line of GREETINGS) expect(isGreeting(line, QUIET), line).toBe(true);
  for (const line of ERRORS) expect(isGreeting(line, QUIET), line).toBe(false);
});

test('who asks for more by TF_CPP_MIN_LOG_LEVEL gets it', () => {
  const seen = (level: string): number => GREETINGS.filter((line) => !isGreeting(line, { environment: { TF_CPP_MIN_LOG_LEVEL: level } })).length;
  expect([seen('0'), seen('1'), seen('2'), seen('3')]).toEqual([GREETINGS.length, 2, 0, 0]);
});

test('lines are told apart however they come in, and the last needs no end', () => {
  const text = [GREETINGS[0], ERRORS[0], GREETINGS[1], ERRORS[1]].join('\n');
  for (const size of [1, 7, 1_000]) {
    let kept = '';
    const heard = withoutGreetings((part) => (kept += part), QUIET);
    for (let at = 0; at < text.length; at += size) heard.write(text.slice(at, at + size));
    heard.end();
    expect(kept).toBe(`${ERRORS[0]}\n${ERRORS[1]}`);
  }
});
