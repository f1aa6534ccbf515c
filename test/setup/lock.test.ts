import { spawnSync } from 'node:child_process';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withLock } from '../../setup/lock.mjs';
import { temporaryFolder } from './temporary-folder.js';

const lockIn = (folder: string): { file: string; waits: string[]; onWait: (holder: string) => void } => {
  const waits: string[] = [];
  return { file: path.join(folder, 'x.lock'), waits, onWait: (holder) => waits.push(holder) };
};

test('work under one lock is one after the other, also when some of it fails', async () => {
  const lock = lockIn(temporaryFolder());
  const order: string[] = [];
  const work = (name: string, fails = false) => async () => {
    order.push(`${name} in`);
    await sleep(50);
    order.push(`${name} out`);
    if (fails) throw new Error(name);
  };
  const results = await Promise.allSettled([withLock(lock, work('a', true)), withLock(lock, work('b')), withLock(lock, work('c'))]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  for (let i = 0; i < order.length; i += 2) expect(order[i + 1]).toBe(order[i]?.replace(' in', ' out'));
  expect(order).toHaveLength(6);
  expect(lock.waits).not.toHaveLength(0);
  expect(existsSync(lock.file)).toBe(false);
});

test.each<[string, () => object]>([
  ['a process that is gone', () => ({ pid: spawnSync('true').pid, host: hostname(), started: '1' })],
  ['a process whose pid another has now', () => ({ pid: process.pid, host: hostname(), started: '1' })],
])('the lock of %s is taken at once', async (_name, holder) => {
  const lock = lockIn(temporaryFolder());
  writeFileSync(lock.file, JSON.stringify(holder()));
  expect(await withLock(lock, async () => 'done')).toBe('done');
  expect(lock.waits).toEqual([]);
});

test('a half-written lock and one of another host that is no longer touched are taken', async () => {
  const lock = lockIn(temporaryFolder());
  writeFileSync(lock.file, '{"pid":');
  expect(await withLock(lock, async () => 1)).toBe(1);
  writeFileSync(lock.file, JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }));
  utimesSync(lock.file, new Date(Date.now() - 120_000), new Date(Date.now() - 120_000));
  expect(await withLock(lock, async () => 2)).toBe(2);
});

test('the lock of a live process on another host is waited for', async () => {
  const lock = lockIn(temporaryFolder());
  writeFileSync(lock.file, JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }));
  let done = false;
  const waiting = withLock(lock, async () => void (done = true));
  await sleep(500);
  expect(done).toBe(false);
  expect(lock.waits).toEqual(['process 1 on elsewhere']);
  utimesSync(lock.file, new Date(0), new Date(0));
  await waiting;
  expect(done).toBe(true);
});
