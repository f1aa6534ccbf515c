import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openHome } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { readInstalled, tensorflowEnvironment } from '../../workers/installed.js';
import { freePort } from '../../workers/ports.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { startTemporalServer } from '../../workers/temporal-server.js';
import { place, start, until } from '../cli/bliss.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function startWorker(home: string, address: string): { readonly child: ChildProcess; text(): string; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', home, '--address', address], { env: tensorflowEnvironment({ installed: readInstalled() }), stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString('utf8')));
  return { child, text: () => text, ended: new Promise((resolve) => child.once('exit', resolve)) };
}

describe('a server that is away', () => {
  test('a worker that begins meanwhile waits for it, and takes work when it is back', async () => {
    const home = openHome(place().home);
    const port = await freePort();
    const worker = startWorker(home.root, `127.0.0.1:${port}`);
    await until('the word that it waits', () => (/no Temporal server answers .*waiting for it/.test(worker.text()) ? true : undefined));
    await sleep(2_000);
    expect(worker.child.exitCode).toBeNull();
    const { supervisor } = await startTemporalServer({ home, binary: requireTemporalBinary(), port, uiPort: await freePort(), onEvent: () => undefined });
    try {
      await until('the worker', () => (worker.text().includes('"ready":true') ? true : undefined));
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toBe(0);
    } finally {
      await supervisor.stop(5_000);
    }
  });

  test('a worker that waits for it ends when it is told to', async () => {
    const worker = startWorker(place().home, `127.0.0.1:${await freePort()}`);
    await until('the word that it waits', () => (worker.text().includes('waiting for it') ? true : undefined));
    worker.child.kill('SIGTERM');
    expect(await worker.ended).toBe(0);
  });

  test('bliss dev says so and waits too; Ctrl-C ends it, and nothing is left', async () => {
    const { home } = place();
    const address = `127.0.0.1:${await freePort()}`;
    const dev = start(['dev', '--home', home], { env: { TEMPORAL_ADDRESS: address } });
    children.push(dev.child);
    await until('the word that it waits', () => (dev.text().includes(`${address}: no Temporal server answers`) ? true : undefined));
    await sleep(2_000);
    expect(dev.child.exitCode).toBeNull();
    dev.child.kill('SIGINT');
    expect((await dev.ended).code).toBe(0);
    expect(existsSync(home)).toBe(false);
  });
});
