import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readlinkSync, readSync, statSync, writeSync } from 'node:fs';
import os from 'node:os';
import type { Home } from '../lib/home.js';

/** What a stack tells who asks: also the content of stack.json. Addresses are absent until the server is up. */
export interface StackInfo {
  readonly pid: number;
  readonly started: string;
  readonly namespace: string;
  /** up for the time of one run; it stays for its guests too */
  readonly temporary: boolean;
  /** it takes no new runs: its parts are ending */
  readonly stopping?: boolean;
  readonly address?: string;
  readonly uiAddress?: string;
  /** device and inode of the home's folder: in different mounts two homes may have one path; absent in earlier versions */
  readonly folder?: string;
}

/** Content of the home's lock file: who holds it, and where that is. It means nothing while nobody holds the file. */
export interface Holder extends StackInfo {
  readonly host: string;
  /** differs between machines, and after a restart */
  readonly boot: string;
  /** network namespace: from another one its addresses lead elsewhere */
  readonly network: string;
  /** name of its socket in the abstract namespace, without the zero before it */
  readonly socket: string;
}

/**
 * Somebody has the home and cannot be asked. `silent`: stopped (SIGSTOP) or wedged. `elsewhere`: in another network namespace or on another machine.
 * `unknown`: nobody listens; a server that outlives its stack, or another program that locked the file.
 */
export interface Unreachable {
  readonly unreachable: 'silent' | 'elsewhere' | 'unknown';
  readonly holder?: Holder;
}

/** This process's place, as the holder's fields say it; empty where the kernel does not tell. */
export const hereIs = (): Pick<Holder, 'host' | 'boot' | 'network'> => ({
  host: os.hostname(),
  boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  network: told(() => readlinkSync('/proc/self/ns/net')),
});

export function folderOf(home: Home): string {
  const { dev, ino } = statSync(home.root);
  return `${dev}:${ino}`;
}

function told(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** @returns undefined where nothing readable is there: nobody has held it, it was released, or is being written */
export function readHolder(home: Home): Holder | undefined {
  let fd: number;
  try {
    fd = openSync(home.lockFile, 'r');
  } catch {
    return undefined;
  }
  try {
    const content = Buffer.alloc(fstatSync(fd).size);
    const length = readSync(fd, content, 0, content.length, 0);
    return JSON.parse(content.toString('utf8', 0, length)) as Holder; // only holders of the lock write it
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** In place: the lock is on this file, which must not be replaced by another. */
export function writeHolder(fd: number, holder: Holder | undefined): void {
  const text = holder === undefined ? '' : `${JSON.stringify(holder)}\n`;
  writeSync(fd, text, 0);
  ftruncateSync(fd, Buffer.byteLength(text));
}
