import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-root.js';
import { until } from './bliss.js';

/** A process that ends in order within a second of Ctrl-C, or at once by code 7 when asked again. */
function listening() {
  const script = `
    const { listenForInterrupt } = await import(${JSON.stringify(pathToFileURL(path.join(packageRoot(), 'dist/cli/signals.js')).href)});
    const interrupt = listenForInterrupt({ again: () => process.exit(7) });
    const going = setInterval(() => undefined, 1000);
    interrupt.signal.addEventListener('abort', () => { process.stdout.write('stopping\\n'); });
    process.stdin.once('data', () => { interrupt.release(); process.stdout.write('released\\n'); });
    process.stdin.once('end', () => { clearInterval(going); process.exitCode = 130; });
    process.stdout.write('ready\\n');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (part: Buffer) => (said += part.toString('utf8')));
  const ended = new Promise<number | string | null>((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  return { child, ended, says: (word: string) => until(word, () => (said.includes(word) ? true : undefined)) };
}

test('one Ctrl-C that npm passes on too is heard once: the end is in order, also when it comes after the last work', async () => {
  const { child, ended, says } = listening();
  await says('ready');
  child.kill('SIGINT');
  await says('stopping');
  child.kill('SIGINT');
  child.stdin.write('release\n');
  await says('released');
  child.kill('SIGINT');
  child.stdin.end();
  expect(await ended).toBe(130);
});

test('a second Ctrl-C later ends at once', async () => {
  const { child, ended, says } = listening();
  await says('ready');
  child.kill('SIGINT');
  await says('stopping');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  child.kill('SIGINT');
  expect(await ended).toBe(7);
});

test('released without a Ctrl-C, the process is like any other', async () => {
  const { child, ended, says } = listening();
  await says('ready');
  child.stdin.write('release\n');
  await says('released');
  child.kill('SIGINT');
  expect(await ended).toBe('SIGINT');
});
