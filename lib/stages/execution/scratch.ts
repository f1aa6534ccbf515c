import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { sha256 } from '../../artifacts/index.js';

/** A folder of one attempt, for as long as it runs. */
export interface Scratch {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The owner touches its folder this often while its event loop turns; compiling may hold that up for half an hour. */
const TOUCH_EVERY_MS = 60_000;
/** One untouched for a day belongs to a killed attempt, wherever that ran. */
const STALE_AFTER_MS = 24 * 3_600_000;
/** `stage-<machine>-<pid>-<start>-<six random letters>` */
const NAME = /^stage-([0-9a-f]{12})-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;

/**
 * Makes a folder for one attempt, and removes those of attempts that were killed: each may hold a whole checkpoint, and on
 * preemptible machines there are many. Others may work in the same place meanwhile: a folder goes when its process is known
 * to be gone, or when nobody has touched it for a day.
 */
export async function openScratch(root: string): Promise<Scratch> {
  await mkdir(root, { recursive: true });
  await sweep(root);
  const folder = await mkdtemp(path.join(root, `stage-${machine()}-${process.pid}-${startOf(process.pid) ?? 0}-`));
  const touch = setInterval(() => void utimes(folder, new Date(), new Date()).catch(() => undefined), TOUCH_EVERY_MS).unref();
  return {
    folder,
    remove: async () => {
      clearInterval(touch);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('stage-')) continue;
    const folder = path.join(root, name);
    // another attempt may sweep at the same time; what stays now goes the next time
    if (await isAbandoned(folder, name)) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const owner = NAME.exec(name);
  if (owner !== null && owner[1] === machine()) return startOf(Number(owner[2])) !== owner[3];
  const info = await stat(folder).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > STALE_AFTER_MS;
}

let known: string | undefined;
/** Where process ids mean the same: this boot of this kernel, this container. */
function machine(): string {
  return (known ??= identity().slice(0, 12));
}

function identity(): string {
  try {
    return sha256(`${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')}${readlinkSync('/proc/self/ns/pid')}`);
  } catch {
    return randomBytes(6).toString('hex'); // a system that does not say: nobody's process ids count, age alone does
  }
}

/** When a process began, in ticks since boot: a number that was given anew names another process. undefined: it is gone */
function startOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' '); // the name before may hold anything
    return state === 'Z' || state === 'X' ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
