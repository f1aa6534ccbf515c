import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findCompiler } from '../../setup/binding.mjs';
import { TENSORFLOW_CPU } from '../../setup/pins.mjs';
import { chooseTemporal } from '../../setup/temporal.mjs';
import { chooseTensorflow, libraryPath } from '../../setup/tensorflow.mjs';
import { checkDisk, checkFlock, checkPip } from '../../setup/tools.mjs';
import { temporaryFolder } from './temporary-folder.js';

const program = (folder: string, name: string, script = 'exit 0'): string => {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
};
const facts = { platform: 'linux', arch: 'x64', node: '20.20.0', glibc: '2.36', avx: true };

test('no python3, and a python3 without pip: each names what to install', async () => {
  const empty = temporaryFolder();
  await expect(checkPip({ PATH: empty })).rejects.toMatchObject({ message: expect.stringMatching(/python3 was not found/), fix: expect.stringMatching(/apt install python3 python3-pip/) });
  const without = temporaryFolder();
  program(without, 'python3', 'echo "No module named pip" >&2; exit 1');
  await expect(checkPip({ PATH: without })).rejects.toMatchObject({ message: expect.stringMatching(/no pip.*No module named pip/), fix: expect.stringMatching(/python3-pip/) });
});

test('no flock: it names what to install', () => {
  const folder = temporaryFolder();
  expect(() => checkFlock({ PATH: folder })).toThrow(expect.objectContaining({ message: expect.stringMatching(/flock was not found/), fix: expect.stringMatching(/apt install util-linux/) }));
  program(folder, 'flock');
  expect(() => checkFlock({ PATH: folder })).not.toThrow();
});

test('the compiler is CXX, else the first of g++, c++, clang++; none is an error with the fix', () => {
  const folder = temporaryFolder();
  expect(() => findCompiler({ PATH: folder })).toThrow(expect.objectContaining({ message: expect.stringMatching(/no C\+\+ compiler/), fix: expect.stringMatching(/apt install g\+\+/) }));
  const clang = program(folder, 'clang++');
  expect(findCompiler({ PATH: folder })).toEqual({ program: clang, args: [] });
  const gxx = program(folder, 'g++');
  expect(findCompiler({ PATH: folder })).toEqual({ program: gxx, args: [] });
  expect(findCompiler({ PATH: folder, CXX: 'clang++ -m64' })).toEqual({ program: clang, args: ['-m64'] });
  expect(() => findCompiler({ PATH: folder, CXX: 'icc' })).toThrow(/CXX is "icc"/);
});

test('a folder of libraries whose path the loader would divide is refused', () => {
  const folder = temporaryFolder();
  const at = (name: string): Parameters<typeof libraryPath>[0] => {
    const part = path.join(folder, name, 'cublas');
    mkdirSync(path.join(part, 'lib'), { recursive: true });
    return { dir: folder, version: '2.21.0', device: 'gpu', cuda: { cublas: part } };
  };
  expect(libraryPath(at('a #1 [x]%41'))).toEqual([path.join(folder, 'a #1 [x]%41', 'cublas', 'lib')]);
  for (const name of ['a:b', 'a;b']) expect(() => libraryPath(at(name))).toThrow(expect.objectContaining({ message: expect.stringContaining(name), fix: expect.stringMatching(/BLISS_CACHE/) }));
});

test('too little disk is said before anything is fetched', () => {
  const [root, cache] = [temporaryFolder(), path.join(temporaryFolder(), 'not', 'there', 'yet')];
  const input = { root, cache, wheels: [TENSORFLOW_CPU], dependencies: true };
  expect(() => checkDisk({ ...input, freeBytes: () => 1e9 })).toThrow(expect.objectContaining({ message: expect.stringMatching(/1\.0 GB free, 2\.5 GB needed/), fix: expect.stringMatching(/BLISS_CACHE/) }));
  expect(() => checkDisk({ ...input, freeBytes: () => 3e9 })).not.toThrow();
  expect(() => checkDisk({ root, cache, wheels: [], dependencies: false, freeBytes: () => 0 })).not.toThrow();
});

test('a driver decides for the CUDA wheels, BLISS_DEVICE over it', () => {
  const cache = temporaryFolder();
  const chosen = (env: NodeJS.ProcessEnv, gpu: boolean): string[] => chooseTensorflow({ env, facts: { ...facts, gpu }, cache }).missing.map(({ name }) => name);
  expect(chosen({}, false)).toEqual(['tensorflow-cpu']);
  expect(chosen({}, true).slice(0, 2)).toEqual(['tensorflow', 'nvidia-cublas-cu12']);
  expect(chosen({ BLISS_DEVICE: 'cpu' }, true)).toEqual(['tensorflow-cpu']);
  expect(chosen({ BLISS_DEVICE: 'gpu' }, false)).toHaveLength(13);
  expect(() => chosen({ BLISS_DEVICE: 'tpu' }, false)).toThrow(/BLISS_DEVICE is "tpu"/);
  expect(() => chosen({ BLISS_TENSORFLOW_DIR: cache }, false)).toThrow(/lacks include\/tensorflow\/c\/c_api\.h, libtensorflow_cc\.so\.2/);
});

test('the Temporal CLI: one\'s own, then PATH, then an address that makes it unneeded, then the wheel', () => {
  const [folder, cache, nothing] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const own = program(folder, 'temporal');
  const names = (env: NodeJS.ProcessEnv, needed = false): [string | null, number] => {
    const { path: found, missing } = chooseTemporal({ env, cache, needed });
    return [found, missing.length];
  };
  expect(names({ PATH: nothing, TEMPORAL_CLI_PATH: own, TEMPORAL_ADDRESS: 'a:1' })).toEqual([own, 0]);
  expect(names({ PATH: folder, TEMPORAL_ADDRESS: 'a:1' })).toEqual([own, 0]);
  expect(names({ PATH: nothing, TEMPORAL_ADDRESS: 'a:1' })).toEqual([null, 0]);
  expect(names({ PATH: nothing, TEMPORAL_ADDRESS: 'a:1' }, true)[1]).toBe(1);
  expect(names({ PATH: nothing })[1]).toBe(1);
  expect(() => names({ PATH: folder, TEMPORAL_CLI_PATH: cache })).toThrow(/TEMPORAL_CLI_PATH/);
});
