import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished, expect, test } from 'vitest';
import { findOnPath } from '../../setup/facts.mjs';
import { ROOT } from '../../setup/set-up.mjs';
import { temporaryFolder } from './temporary-folder.js';
import { tinyWheel } from './tiny-wheel.js';

/** A python3 that notes each download, does `before` it, and is the real one otherwise. */
function watchedPython(folder: string, before: string): { environment: NodeJS.ProcessEnv; downloads: () => string[] } {
  const log = path.join(folder, 'downloads');
  const bin = path.join(folder, 'python3');
  writeFileSync(bin, `#!/bin/sh\nif [ "$3" = download ]; then echo $$ >> '${log}'; ${before}; fi\nexec '${findOnPath('python3') ?? ''}' "$@"\n`);
  chmodSync(bin, 0o755);
  return { environment: { PATH: `${folder}:${process.env['PATH'] ?? ''}` }, downloads: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

/** A set-up of its own process that fetches the tiny wheel. */
function fetching({ cache, wheel, environment }: { cache: string; wheel: ReturnType<typeof tinyWheel>; environment: NodeJS.ProcessEnv }): { child: ChildProcess; ended: Promise<{ code: number | null; signal: string | null; output: string }> } {
  const script = `
    import { provideWheel } from ${JSON.stringify(path.join(ROOT, 'setup', 'wheel.mjs'))};
    import { endWithUs } from ${JSON.stringify(path.join(ROOT, 'setup', 'command.mjs'))};
    endWithUs();
    console.log(await provideWheel({ pin: ${JSON.stringify(wheel.pin)}, cache: ${JSON.stringify(cache)}, env: process.env, say: (line) => console.log(line) }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...wheel.pipEnvironment, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, ended: new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output }))) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

test('two at once on one cache: one fetches, the other waits and finds it', async () => {
  const [cache, wheel] = [temporaryFolder(), tinyWheel(temporaryFolder())];
  const { environment, downloads } = watchedPython(temporaryFolder(), 'sleep 1');
  const first = fetching({ cache, wheel, environment });
  await until(() => downloads().length > 0);
  const second = fetching({ cache, wheel, environment });
  const [one, two] = await Promise.all([first.ended, second.ended]);
  expect([one.code, two.code]).toEqual([0, 0]);
  expect(two.output).toMatch(new RegExp(`waiting for process ${first.child.pid}`));
  expect(two.output.trim().split('\n').at(-1)).toBe(one.output.trim().split('\n').at(-1));
  expect(downloads()).toHaveLength(1);
});

test('killed half-way by SIGKILL: the next one does not wait, clears up and comes to the end', async () => {
  const [cache, wheel] = [temporaryFolder(), tinyWheel(temporaryFolder())];
  const hanging = watchedPython(temporaryFolder(), 'exec sleep 600');
  const killed = fetching({ cache, wheel, environment: hanging.environment });
  await until(() => hanging.downloads().length > 0);
  killed.child.kill('SIGKILL');
  process.kill(Number(hanging.downloads()[0]), 'SIGKILL'); // an orphan then, as its parent had no time to end it
  expect((await killed.ended).signal).toBe('SIGKILL');
  expect(readdirSync(path.join(cache, 'locks'))).toHaveLength(1);
  expect(readdirSync(path.join(cache, 'partial'))).toHaveLength(1);

  const { code, output } = await fetching({ cache, wheel, environment: {} }).ended;
  expect(code).toBe(0);
  expect(output).not.toMatch(/waiting/);
  expect(readdirSync(path.join(cache, 'locks'))).toEqual([]);
  expect(readdirSync(path.join(cache, 'partial'))).toEqual([]);
  expect(readdirSync(path.join(cache, 'tiny'))).toEqual(['1.0']);
});

test('ended by SIGTERM: its download ends with it', async () => {
  const [cache, wheel] = [temporaryFolder(), tinyWheel(temporaryFolder())];
  const hanging = watchedPython(temporaryFolder(), 'exec sleep 600');
  const ended = fetching({ cache, wheel, environment: hanging.environment });
  await until(() => hanging.downloads().length > 0);
  ended.child.kill('SIGTERM');
  expect((await ended.ended).code).toBe(143);
  const download = Number(hanging.downloads()[0]);
  await until(() => !runs(download));
  expect(runs(download)).toBe(false);
});

function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
