import { spawn } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openHome } from '../../lib/home.js';
import { packageRoot } from '../../lib/package-root.js';
import { askStack, lockHome, stayWithStack, type StackInfo } from '../../workers/home-lock.js';
import { until } from '../cli/bliss.js';

const info: StackInfo = { pid: process.pid, started: '2026-01-01T00:00:00.000Z', namespace: 'default', temporary: true };
const emptyHome = (): ReturnType<typeof openHome> => openHome(mkdtempSync(path.join(os.tmpdir(), 'bliss-lock-')));

test('one stack a home: the second is told of the first, by any path to the folder; a released home is free', async () => {
  const home = emptyHome();
  expect(await askStack(home)).toBeUndefined();
  const lock = await lockHome({ home, info });
  lock.announce({ ...info, address: '127.0.0.1:4242' });
  expect(await askStack(home)).toMatchObject({ pid: process.pid, address: '127.0.0.1:4242' });
  const link = `${home.root}-link`;
  symlinkSync(home.root, link);
  await expect(lockHome({ home: openHome(link), info })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringMatching(new RegExp(`process ${process.pid} at 127.0.0.1:4242`)) });
  await lock.release();
  expect(await askStack(home)).toBeUndefined();
  await (await lockHome({ home, info })).release();
});

test('a stack that is killed leaves no lock behind', async () => {
  const home = emptyHome();
  const script = `
    const { lockHome } = await import(${JSON.stringify(path.join(packageRoot(), 'dist/workers/home-lock.js'))});
    const { openHome } = await import(${JSON.stringify(path.join(packageRoot(), 'dist/lib/home.js'))});
    await lockHome({ home: openHome(${JSON.stringify(home.root)}), info: { ...${JSON.stringify(info)}, pid: process.pid } });
    setInterval(() => undefined, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
  await until('the lock', async () => ((await askStack(home)) === undefined ? undefined : true));
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse' });
  // held, but silent
  holder.kill('SIGSTOP');
  expect(await askStack(home)).toBe('silent');
  holder.kill('SIGKILL');
  await until('the end of the lock', async () => ((await askStack(home)) === undefined ? true : undefined));
  await (await lockHome({ home, info })).release();
});

test('guests are counted while they are there', async () => {
  const home = emptyHome();
  const lock = await lockHome({ home, info });
  expect(lock.guests()).toBe(0);
  const stay = await stayWithStack(home);
  await until('the guest', () => (lock.guests() === 1 ? true : undefined));
  await askStack(home);
  expect(lock.guests()).toBe(1);
  stay?.leave();
  await until('the guest’s leave', () => (lock.guests() === 0 ? true : undefined));
  await lock.release();
});
