import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { mustRunBehind } from '../needs/machine.js';

const built = (file: string): string => JSON.stringify(pathToFileURL(path.join(packageRoot(), 'dist', file)).href);

/** Compiles a program by XLA in a process of its own. */
function compile({ caches, before = [] }: { readonly caches: readonly string[]; readonly before?: readonly string[] }): string {
  const script = `
    import { tensorFlowEnvironment } from ${built('lib/tensor/environment.js')};
    Object.assign(process.env, tensorFlowEnvironment({ xlaCache: ${JSON.stringify(caches)}, threads: 1 }));
    const { Program, tf } = await import(${built('lib/tensor/index.js')});
    const program = new Program('small', { mode: 'xla' });
    program.entry('step', { x: { shape: [3], dtype: 'float32' } }, ({ x }) => ({ sum: tf.sum(tf.square(x)) }));
    await program.build();
    console.log('sum', program.call('step', { x: new Float32Array([1, 2, 3]) }).sum[0]);`;
  const [command, ...args] = [...before, process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...tensorflowEnvironment({ installed: readInstalled() }), CUDA_VISIBLE_DEVICES: '' } });
  return stdout.includes('sum ') ? stdout.trim() : stderr;
}

const kept = (cache: string): string[] => readdirSync(cache, { recursive: true }).map(String).filter((name) => name.endsWith('.pb'));
const folder = (): string => mkdtempSync(path.join(os.tmpdir(), 'bliss-xla-'));

test("XLA's cache lies where it is said to, whatever the folder is called", () => {
  const root = folder();
  for (const name of ['a #1 [x]%41', `o'neil "b" \\c`]) {
    const cache = path.join(root, name);
    expect(compile({ caches: [cache] })).toBe('sum 14');
    expect(kept(cache)).toHaveLength(1);
  }
  expect(readdirSync(root)).toHaveLength(2);
}, 60_000);

test('a program is compiled all the same where the cache is another user’s: the code is kept in the next, or nowhere', (context) => {
  const before = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'] as const;
  mustRunBehind(context, before);
  const [shared, own] = [folder(), folder()];
  expect(compile({ caches: [shared], before })).toBe('sum 14'); // makes the folder of this kind of processor
  for (const one of [shared, ...readdirSync(shared).map((name) => path.join(shared, name))]) {
    chmodSync(one, 0o755);
    chownSync(one, 65_534, 65_534);
  }
  const theirs = path.join(shared, 'nothing-yet');
  mkdirSync(theirs);
  chownSync(theirs, 65_534, 65_534);
  expect(compile({ caches: [theirs, own], before })).toBe('sum 14');
  expect([kept(theirs), kept(own).length]).toEqual([[], 1]);
  expect(compile({ caches: [theirs], before })).toBe('sum 14');
}, 60_000);
