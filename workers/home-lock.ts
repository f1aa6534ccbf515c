import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Home } from '../lib/home.js';
import { makeHome } from '../lib/home-folder.js';
import { asBlissError, BlissError } from '../lib/errors.js';
import { tryFileLock } from './file-lock.js';
import { homeInUse, lockUnusable, noLocks } from './home-in-use.js';
import { askByPath, pathName } from './path-name.js';
import { folderOf, hereIs, readHolder, writeHolder, type StackInfo, type Unreachable } from './stack-info.js';
import { callStack, openStackSocket, stayOn, type StackAnswer, type StackSocket } from './stack-socket.js';

export type { StackInfo, Unreachable } from './stack-info.js';
export { homeInUse } from './home-in-use.js';

export interface HomeLock {
  /** descriptor of the lock: the home is locked until every process that has a copy has closed it, or ended */
  readonly fd: number;
  /** what the next asker hears */
  announce(info: StackInfo): void;
  /** commands that stay connected because their run goes on here */
  guests(): number;
  release(): Promise<void>;
}

export interface LockHome {
  readonly home: Home;
  readonly info: StackInfo;
  /** false: beside others that say so too, one a machine; none of them opens the home's database. @default true */
  readonly alone?: boolean;
  /** told why where the home's file system has no locks, and the lock then ends at this network namespace. @default that is an error */
  readonly onNoLocks?: (reason: string) => void;
}

/** What a killed stack leaves is gone within this time: its server ends with it, but not in the same moment. */
const LEAVING_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** From elsewhere nobody can be asked whether the stack lives or its server is just ending with it: it has the home if it has it for so long. */
const ELSEWHERE_MS = 1_000;

/**
 * One stack a home: two Temporal servers on one SQLite file start without complaint and corrupt each other. The lock is a kernel's on a file in the
 * home: it goes with the process, however that ends, and holds in every container that has the home. Who finds it taken can ask who is there, by a
 * socket of the abstract namespace whose name stands in the file and is no more than random, so that nobody can have taken it before.
 * @throws BlissError HomeInUse, naming the process and its place; Usage where the home cannot be made or locked; NotSetUp, DiskFull
 */
export async function lockHome({ home, info, alone = true, onNoLocks }: LockHome): Promise<HomeLock> {
  makeHome(home);
  const fd = openLockFile(home);
  const socket = openStackSocket({ ...info, folder: folderOf(home) });
  try {
    await takeFile({ home, fd, alone, onNoLocks });
    await takePath({ home, socket });
    const name = `bliss-${randomBytes(16).toString('hex')}`;
    const note = (next: StackInfo): void => (alone ? writeHolder(fd, { ...next, ...hereIs(), socket: name }) : undefined);
    if (alone) await socket.listen(`\0${name}`);
    note(info);
    return {
      fd,
      announce: (next) => {
        socket.announce({ ...next, folder: folderOf(home) });
        if (next.stopping !== true) note(next); // a stack must be able to stop on a full disk
      },
      guests: socket.guests,
      release: async () => {
        if (alone) writeHolder(fd, undefined);
        await socket.close();
        closeSync(fd);
      },
    };
  } catch (error) {
    await socket.close();
    closeSync(fd);
    throw asBlissError(error, home.root);
  }
}

function openLockFile(home: Home): number {
  try {
    // only its owner: whoever may open it may lock it
    return openSync(home.lockFile, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    const known = asBlissError(error, home.lockFile);
    throw known instanceof BlissError ? known : lockUnusable(home, error);
  }
}

/** @throws BlissError HomeInUse, Usage */
async function takeFile({ home, fd, alone, onNoLocks }: Required<Pick<LockHome, 'home' | 'alone'>> & { readonly fd: number; readonly onNoLocks: LockHome['onNoLocks'] }): Promise<void> {
  const deadline = Date.now() + LEAVING_MS;
  for (;;) {
    const answer = await tryFileLock({ fd, shared: !alone });
    if (answer === 'taken') {
      if (alone) writeHolder(fd, undefined); // what a killed stack wrote
      return;
    }
    if (answer !== 'held') {
      if (onNoLocks === undefined) throw noLocks(home, answer.refused);
      return onNoLocks(answer.refused);
    }
    const stack = await lookOnce(home);
    if (stack !== undefined && !mayBeLeaving(stack, deadline)) throw homeInUse(home, closed(stack));
    if (Date.now() > deadline) throw homeInUse(home, await unknownHolder(home));
    await sleep(LOOK_EVERY_MS); // or one who only asks has it for a moment
  }
}

/**
 * A stack of an earlier version has no file, only this name. Where a stranger has taken it, ours goes without: this version finds it by the file,
 * and an earlier one, which would not, is refused by the stranger's hold on the name.
 * @throws BlissError HomeInUse
 */
async function takePath({ home, socket }: { readonly home: Home; readonly socket: StackSocket }): Promise<void> {
  const deadline = Date.now() + LEAVING_MS;
  while (!(await socket.listen(pathName(home)))) {
    const theirs = await askByPath(home);
    if (theirs === 'stranger') return;
    if (theirs !== undefined) throw homeInUse(home, closed(theirs === 'silent' ? { unreachable: 'silent' } : theirs));
    if (Date.now() > deadline) throw homeInUse(home, { unreachable: 'unknown' });
    await sleep(LOOK_EVERY_MS);
  }
}

/** The stack that is up on a home; undefined where none is. */
export async function askStack(home: Home): Promise<StackInfo | Unreachable | undefined> {
  const stack = await reach(home);
  return stack === undefined ? undefined : closed(stack);
}

export const isUp = (stack: StackInfo | Unreachable | undefined): stack is StackInfo => stack !== undefined && !('unreachable' in stack);

/** Keeps a temporary stack up until `leave`, or until this process ends. @returns undefined where no stack answers */
export async function stayWithStack(home: Home): Promise<{ leave(): void } | undefined> {
  const stack = await reach(home);
  return stack === undefined || 'unreachable' in stack ? undefined : stayOn(stack);
}

function closed(stack: StackAnswer | Unreachable): StackInfo | Unreachable {
  if ('unreachable' in stack) return stack;
  stack.socket.destroy();
  return stack.info;
}

/** Who shares the lock says nothing of himself: what the file says may be of a stack that is gone. */
const unknownHolder = async (home: Home): Promise<Unreachable> => {
  const holder = (await isLocked(home)) ? readHolder(home) : undefined;
  return { unreachable: 'unknown', ...(holder === undefined ? {} : { holder }) };
};

function mayBeLeaving(stack: Look, deadline: number): stack is 'leaving' {
  if (stack === undefined || stack === 'leaving') return stack === 'leaving';
  return 'unreachable' in stack && stack.unreachable === 'elsewhere' && Date.now() < deadline - LEAVING_MS + ELSEWHERE_MS;
}

/** Waits for what is leaving, or just coming. */
async function reach(home: Home): Promise<StackAnswer | Unreachable | undefined> {
  const deadline = Date.now() + LEAVING_MS;
  for (;;) {
    const stack = await lookOnce(home);
    if (!mayBeLeaving(stack, deadline)) return stack;
    if (Date.now() > deadline) return unknownHolder(home);
    await sleep(LOOK_EVERY_MS);
  }
}

type Look = StackAnswer | Unreachable | 'leaving' | undefined;

/** `leaving`: the file is locked, and nobody listens where it says. */
async function lookOnce(home: Home): Promise<Look> {
  const holder = readHolder(home);
  if (holder !== undefined && (await isLocked(home))) {
    const here = hereIs();
    if (holder.boot !== here.boot || holder.network !== here.network) return { unreachable: 'elsewhere', holder };
    const answer = await callStack(`\0${holder.socket}`);
    if (answer === undefined) return 'leaving';
    if (answer === 'silent') return { unreachable: 'silent', holder };
    // addresses are those of the file: only who may write to the home can have written them
    const { host: _host, boot: _boot, network: _network, socket: _socket, ...info } = holder;
    return { socket: answer.socket, info: { ...info, ...(answer.info.stopping === true ? { stopping: true } : {}) } };
  }
  const theirs = await askByPath(home);
  if (theirs === 'silent') return { unreachable: 'silent' };
  return theirs === 'stranger' ? undefined : theirs;
}

/** Alone: those that share it, as workers of a configured server do, are found by the path's name. */
async function isLocked(home: Home): Promise<boolean> {
  let fd: number;
  try {
    fd = openSync(home.lockFile, 'r');
  } catch {
    return false;
  }
  try {
    return (await tryFileLock({ fd, shared: true })) === 'held';
  } finally {
    closeSync(fd);
  }
}
