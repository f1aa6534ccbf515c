import { chmodSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openHome, type Home } from '../../lib/home.js';
import { askStack, homeInUse, lockHome, stayWithStack, type StackInfo } from '../../workers/home-lock.js';
import { pathName } from '../../workers/path-name.js';
import { until } from '../cli/bliss.js';
import { mustRunBehind } from '../needs/machine.js';
import { HOLDS, lockProcess } from './lock-process.js';

const info: StackInfo = { pid: process.pid, started: '2026-01-01T00:00:00.000Z', namespace: 'default', temporary: true };
const emptyHome = (): Home => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-lock-'));
  chmodSync(root, 0o755); // as homes of earlier versions are
  return openHome(root);
};
const isFree = async (home: Home): Promise<void> => (await lockHome({ home, info })).release();

const PATH = process.env['PATH'];
afterEach(() => {
  process.env['PATH'] = PATH;
});

const UNSHARE_NETWORK = ['unshare', '-n'] as const;
const UNSHARE_MOUNTS = ['unshare', '-m'] as const;
const AS_NOBODY = ['setpriv', '--reuid', '65534', '--clear-groups', '--pdeathsig', 'KILL'] as const;

test('one stack a home: the second is told of the first, by any path to the folder; a released home is free', async () => {
  const home = emptyHome();
  expect(await askStack(home)).toBeUndefined();
  const lock = await lockHome({ home, info });
  lock.announce({ ...info, address: '127.0.0.1:4242' });
  expect(await askStack(home)).toMatchObject({ pid: process.pid, address: '127.0.0.1:4242' });
  const link = `${home.root}-link`;
  symlinkSync(home.root, link);
  await expect(lockHome({ home: openHome(link), info })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringMatching(new RegExp(`process ${process.pid} at 127.0.0.1:4242`)) });
  lock.announce({ ...info, address: '127.0.0.1:4242', stopping: true });
  expect(await askStack(home)).toMatchObject({ address: '127.0.0.1:4242', stopping: true });
  await lock.release();
  expect(await askStack(home)).toBeUndefined();
  await isFree(home);
});

test('the lock file is its owner’s alone, says who has the home and where, and is left there empty', async () => {
  const home = emptyHome();
  const lock = await lockHome({ home, info });
  expect(statSync(home.lockFile).mode & 0o777).toBe(0o600);
  const { ino } = statSync(home.lockFile);
  expect(JSON.parse(readFileSync(home.lockFile, 'utf8'))).toMatchObject({ pid: process.pid, started: info.started, host: os.hostname(), boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() });
  await lock.release();
  expect(readFileSync(home.lockFile, 'utf8')).toBe('');
  expect(statSync(home.lockFile).ino).toBe(ino);
});

test('a stack that is stopped keeps its lock; one that is killed leaves none behind, at once', async () => {
  const home = emptyHome();
  const holder = await lockProcess({ home, script: HOLDS });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse' });
  holder.child.kill('SIGSTOP');
  expect(await askStack(home)).toMatchObject({ unreachable: 'silent', holder: { pid: holder.pid } });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringContaining(`process ${holder.pid}, which does not answer; end it with \`kill -9 ${holder.pid}\``) });
  holder.child.kill('SIGKILL');
  await holder.ended;
  const started = performance.now();
  await isFree(home);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('a stack in another network namespace, as in a container on the same volume, has the home here too', async (context) => {
  mustRunBehind(context, UNSHARE_NETWORK);
  const home = emptyHome();
  const holder = await lockProcess({ home, script: HOLDS, before: UNSHARE_NETWORK });
  expect(await askStack(home)).toMatchObject({ unreachable: 'elsewhere', holder: { pid: holder.pid, host: os.hostname() } });
  await expect(lockHome({ home, info })).rejects.toMatchObject({
    code: 'HomeInUse',
    message: expect.stringMatching(new RegExp(`the stack of process ${holder.pid} on host ${os.hostname()}, in another container or network namespace of this machine; .*\`kill ${holder.pid}\``)),
  });
  await expect(lockHome({ home, info, alone: false })).rejects.toMatchObject({ code: 'HomeInUse' });
  holder.child.kill('SIGKILL');
  await holder.ended;
  expect(await askStack(home)).toBeUndefined();
  await isFree(home);
});

test('a server that outlives its stack keeps the home, and is named', async () => {
  const home = emptyHome();
  const holder = await lockProcess({ home, script: `const { fd } = await lockHome({ home, info }); const server = spawn('sleep', ['600'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', fd] }); say(String(server.pid));` });
  holder.child.kill('SIGKILL');
  await holder.ended;
  const refused = await lockHome({ home, info }).catch((error: unknown) => error);
  const server = /`kill -9 (\d+)`/.exec(String(refused))?.[1];
  expect(String(refused)).toContain(`what is left of the stack of process ${holder.pid}`);
  expect(readFileSync(`/proc/${server}/cmdline`, 'utf8')).toContain('sleep');
  process.kill(Number(server), 'SIGKILL');
  await isFree(home); // it waits for one that is leaving
}, 20_000);

test('whoever takes the name of the home’s path takes nothing: the stack comes up, is found, and nobody believes the stranger', async (context) => {
  mustRunBehind(context, AS_NOBODY);
  const home = emptyHome();
  const claims = JSON.stringify({ ...info, address: '127.0.0.1:6666' });
  // a program that this user may read: dist/ may lie where only its owner gets
  const script = `require('net').createServer((socket) => socket.write(${JSON.stringify(`${claims}\n`)})).listen(${JSON.stringify(pathName(home))}, () => console.log('there'))`;
  const stranger = await lockProcess({ home, script: `const child = spawn(${JSON.stringify(AS_NOBODY[0])}, ${JSON.stringify([...AS_NOBODY.slice(1), process.execPath, '-e', script])}, { stdio: ['ignore', 'pipe', 'inherit'] }); child.stdout.once('data', () => say('there')); process.on('SIGTERM', () => { child.kill('SIGKILL'); process.exit(0); });` });
  expect(await askStack(home)).toBeUndefined();
  const lock = await lockHome({ home, info });
  lock.announce({ ...info, address: '127.0.0.1:4242' });
  expect(await askStack(home)).toMatchObject({ address: '127.0.0.1:4242' });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse' });
  await lock.release();
  stranger.child.kill('SIGTERM');
  await stranger.ended;
});

test('what a killed stack wrote is believed by nobody, though a stranger listens where it says', async () => {
  const home = emptyHome();
  const holder = await lockProcess({ home, script: HOLDS });
  holder.child.kill('SIGKILL');
  await holder.ended;
  const { socket } = JSON.parse(readFileSync(home.lockFile, 'utf8')) as { socket: string };
  await lockProcess({ home, script: `net.createServer((each) => each.write(JSON.stringify({ ...info, address: '127.0.0.1:6666' }) + '\\n')).listen('\\0${socket}', () => say('there'));` });
  expect(await askStack(home)).toBeUndefined();
  await isFree(home);
});

test('a stack of a version without the lock file is found, and this one does not start beside it; such a version finds this one', async () => {
  const home = emptyHome();
  const earlier = await lockProcess({ home, script: `net.createServer((each) => each.write(JSON.stringify({ ...info, address: '127.0.0.1:4141' }) + '\\n')).listen(${JSON.stringify(pathName(home))}, () => say('there'));` });
  expect(await askStack(home)).toMatchObject({ pid: earlier.pid, address: '127.0.0.1:4141' });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringContaining(`process ${earlier.pid} at 127.0.0.1:4141`) });
  earlier.child.kill('SIGKILL');
  await earlier.ended;
  const lock = await lockHome({ home, info });
  await expect(lockProcess({ home, script: `net.createServer().listen(${JSON.stringify(pathName(home))}, () => say('there'));` })).rejects.toThrow(/EADDRINUSE/);
  await lock.release();
});

test('another home that has the same path in mounts of its own is another home', async (context) => {
  mustRunBehind(context, UNSHARE_MOUNTS);
  const home = emptyHome();
  await lockProcess({ home, script: HOLDS, before: [...UNSHARE_MOUNTS, 'sh', '-c', `mount -t tmpfs none '${home.root}' && exec "$0" "$@"`] });
  expect(await askStack(home)).toBeUndefined();
  await isFree(home);
});

test('workers of a configured server have a home together with those of other machines, not with a local stack or gc, and once a machine', async (context) => {
  mustRunBehind(context, UNSHARE_NETWORK);
  const home = emptyHome();
  const shares = `await lockHome({ home, info, alone: false }); say('held');`;
  const far = await lockProcess({ home, script: shares, before: UNSHARE_NETWORK });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringContaining(`\`kill ${far.pid}\``) });
  const near = await lockHome({ home, info, alone: false });
  await expect(lockHome({ home, info, alone: false })).rejects.toMatchObject({ code: 'HomeInUse', message: expect.stringContaining(`process ${process.pid}`) });
  await near.release();
}, 20_000);

test('without the program that locks, and on a file system that takes no locks, it is said what to do', async () => {
  const home = emptyHome();
  process.env['PATH'] = home.root;
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'NotSetUp', fix: expect.stringContaining('util-linux') });
  // what flock says on such a file system; here is none
  writeFileSync(path.join(home.root, 'flock'), '#!/bin/sh\necho "flock: 3: Function not implemented" >&2\nexit 71\n', { mode: 0o755 });
  await expect(lockHome({ home, info })).rejects.toMatchObject({ code: 'Usage', where: home.lockFile, message: expect.stringMatching(/takes no locks \(flock: 3: Function not implemented\).*local disk/) });
  const reasons: string[] = [];
  const lock = await lockHome({ home, info, alone: false, onNoLocks: (reason) => reasons.push(reason) });
  expect(reasons).toEqual(['flock: 3: Function not implemented']);
  await expect(lockHome({ home, info, alone: false, onNoLocks: () => undefined })).rejects.toMatchObject({ code: 'HomeInUse' });
  await lock.release();
});

test('two that come at once: one has the home', async () => {
  const home = emptyHome();
  const taken = await Promise.allSettled([1, 2, 3, 4].map(() => lockHome({ home, info })));
  const locks = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(locks).toHaveLength(1);
  expect(taken.flatMap((each) => (each.status === 'rejected' ? [(each.reason as { code: string }).code] : []))).toEqual(['HomeInUse', 'HomeInUse', 'HomeInUse']);
  await locks[0]?.release();
}, 20_000);

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

test('a home whose stack ended while we asked is told of all the same', () => {
  expect(homeInUse(emptyHome(), undefined)).toMatchObject({ code: 'HomeInUse', fix: expect.stringContaining('--home') });
});
