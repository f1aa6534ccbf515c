import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Home } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { until } from '../cli/bliss.js';

export interface LockProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

const built = (file: string): string => JSON.stringify(pathToFileURL(path.join(packageRoot(), 'dist', file)).href);

/**
 * A process that has what `script` names `say`: it prints a word once it is where the test wants it. `openHome`, `lockHome`, `home` and `info` are there.
 * @param before program that starts it, as `unshare -n`; it must not fork
 */
export async function lockProcess({ home, script, before = [] }: { readonly home: Home; readonly script: string; readonly before?: readonly string[] }): Promise<LockProcess> {
  const whole = `
    import net from 'node:net';
    import { spawn } from 'node:child_process';
    import { lockHome } from ${built('workers/home-lock.js')};
    import { openHome } from ${built('lib/home.js')};
    const home = openHome(${JSON.stringify(home.root)});
    const info = { pid: process.pid, started: new Date().toISOString(), namespace: 'default', temporary: true };
    const say = (word) => process.stdout.write(word + '\\n');
    setInterval(() => undefined, 1000);
    ${script}`;
  const [command, ...args] = [...before, process.execPath, '--input-type=module', '-e', whole];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  let faults = '';
  child.stdout.on('data', (part: Buffer) => (said += part.toString('utf8')));
  child.stderr.on('data', (part: Buffer) => (faults += part.toString('utf8')));
  let closed = false;
  child.once('close', () => (closed = true));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await until('its word', () => {
    if (closed) throw new Error(faults);
    return said.includes('\n') ? true : undefined;
  });
  return { child, pid: child.pid ?? 0, ended };
}

export const HOLDS = `await lockHome({ home, info }); say('held');`;
