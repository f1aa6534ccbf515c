import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, setUp } from '../../setup/set-up.mjs';
import { temporaryFolder } from './temporary-folder.js';

const BINDING = 'node_modules/@tensorflow/tfjs-node-gpu';

/** A small project on this one's installed packages: its own copy of the binding's package, its own sources. */
function smallProject(): string {
  const root = path.join(temporaryFolder(), 'a #1 [x]%41'); // what compilers, bundlers and URLs read as something else
  const modules = path.join(root, 'node_modules');
  mkdirSync(path.join(modules, '@tensorflow'), { recursive: true });
  for (const name of ['typescript', '@temporalio', '@types', 'node-api-headers']) symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  for (const part of ['package.json', 'binding']) cpSync(path.join(ROOT, BINDING, part), path.join(root, BINDING, part), { recursive: true });
  for (const part of ['package.json', 'package-lock.json', 'tsconfig.json', 'setup', 'bin']) cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
  writeFileSync(path.join(modules, '.bliss-lock-sha256'), createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json'))).digest('hex'));
  mkdirSync(path.join(root, 'cli'));
  mkdirSync(path.join(root, 'workflows'));
  writeFileSync(path.join(root, 'cli', 'main.ts'), 'console.log(process.argv.slice(2).join(), process.env["LD_LIBRARY_PATH"] ?? "");\nprocess.exitCode = 7;\n');
  writeFileSync(path.join(root, 'workflows', 'index.ts'), 'import { sleep } from "@temporalio/workflow";\nexport async function nap(): Promise<void> {\n  await sleep(1);\n}\n');
  return root;
}

test('a project is laid out, compiled, built; a second call finds all there; what changes is fixed', { timeout: 180_000 }, async () => {
  const root = smallProject();
  const tensorflow = path.dirname(realpathSync(path.join(ROOT, BINDING, 'deps', 'lib', 'libtensorflow_cc.so.2')));
  const env = { ...process.env, BLISS_CACHE: temporaryFolder(), BLISS_TENSORFLOW_DIR: tensorflow, BLISS_DEVICE: 'cpu', TEMPORAL_CLI_PATH: process.execPath };
  const lines: string[] = [];
  const again = async (): Promise<string[]> => {
    lines.length = 0;
    await setUp({ root, env, say: (line) => lines.push(line) });
    return [...lines];
  };

  // links of another set-up, laid by hand
  mkdirSync(path.join(root, BINDING, 'deps', 'include'), { recursive: true });
  symlinkSync('/nowhere', path.join(root, BINDING, 'deps', 'lib'));
  const record = await setUp({ root, env, say: (line) => lines.push(line) });
  expect(record).toEqual({ version: 1, tensorflow: { dir: tensorflow, version: expect.stringMatching(/^own-/), device: 'cpu' }, temporal: process.execPath, libraryPath: expect.any(Array) });
  expect(JSON.parse(readFileSync(path.join(root, 'node_modules', '.bliss-setup.json'), 'utf8'))).toEqual(record);
  expect(lines).toContainEqual(expect.stringMatching(/^TensorFlow 2\.\d+\.\d+ loads under the binding/));
  expect(readFileSync(path.join(root, 'dist', 'workflow-bundle.js'), 'utf8')).toMatch(/function nap/);

  const started = performance.now();
  expect(await again()).toEqual(['all there']);
  console.log(`second set-up: ${Math.round(performance.now() - started)} ms`);

  const bliss = spawnSync('npx', ['--offline', '--no', 'bliss', 'run', 'x'], { cwd: root, encoding: 'utf8' });
  expect([bliss.status, bliss.stdout.trim()]).toEqual([7, 'run,x']);

  const link = path.join(root, BINDING, 'deps', 'lib', 'libtensorflow.so');
  rmSync(link);
  symlinkSync('/nowhere', link);
  await again();
  expect(readlinkSync(link)).toBe(path.join(tensorflow, 'libtensorflow_cc.so.2'));

  rmSync(path.join(root, BINDING, 'lib'), { recursive: true });
  expect(await again()).toEqual([expect.stringMatching(/loads under the binding/), expect.stringMatching(/^done/)]); // from the cache: not compiled again

  writeFileSync(path.join(root, 'cli', 'gone.ts'), 'export const x = 1;\n');
  await again();
  rmSync(path.join(root, 'cli', 'gone.ts'));
  expect((await again())[0]).toMatch(/^building/);
  expect(() => readFileSync(path.join(root, 'dist', 'cli', 'gone.js'))).toThrow(/ENOENT/);

  writeFileSync(path.join(root, 'cli', 'main.ts'), 'const x: number = "";\n');
  await expect(again()).rejects.toMatchObject({ message: expect.stringMatching(/do not compile:\ncli\/main\.ts\(1,/) });
  expect(readFileSync(path.join(root, 'dist', 'cli', 'main.js'), 'utf8')).toMatch(/exitCode = 7/); // the last good build stays
});

test('what would stop a set-up stops it before anything is done', async () => {
  const root = smallProject();
  const facts = { platform: 'linux', arch: 'x64', node: '20.20.0', glibc: '2.36', avx: true, gpu: false };
  const empty = temporaryFolder();
  const lines: string[] = [];
  const attempt = (env: NodeJS.ProcessEnv, freeBytes?: () => number): Promise<unknown> => setUp({ root, env: { BLISS_CACHE: path.join(empty, 'cache'), ...env }, facts, say: (line) => lines.push(line), ...(freeBytes && { freeBytes }) });
  await expect(attempt({ PATH: empty })).rejects.toThrow(/python3 was not found/);
  await expect(attempt({ PATH: empty, TEMPORAL_CLI_PATH: empty })).rejects.toThrow(/TEMPORAL_CLI_PATH/);
  await expect(attempt({ PATH: process.env['PATH'], CXX: 'no-such-compiler' })).rejects.toThrow(/CXX is "no-such-compiler"/);
  // all that is asked for but flock
  const programs = temporaryFolder();
  for (const name of ['python3', 'g++']) writeFileSync(path.join(programs, name), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await expect(attempt({ PATH: programs })).rejects.toThrow(/flock was not found/);
  await expect(attempt({ PATH: process.env['PATH'] }, () => 1e6)).rejects.toThrow(/too little room/);
  expect(lines).toEqual([]);
});
