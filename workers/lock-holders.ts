import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

const processes = (): number[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);

/** Descriptors of a process, as paths under /proc; none where it has ended or is not ours to look at. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  } catch {
    return [];
  }
}

/**
 * Processes that have a file open, seen from here: those in a container are seen from its machine, not the other way round.
 * Of those that others among them have started, only the first: ending it ends the others in order.
 */
export function processesWithOpen(file: string): number[] {
  const wanted = statSync(file, { throwIfNoEntry: false });
  if (wanted === undefined) return [];
  const has = (descriptor: string): boolean => {
    try {
      const { dev, ino } = statSync(descriptor);
      return dev === wanted.dev && ino === wanted.ino;
    } catch {
      return false; // closed meanwhile
    }
  };
  const holders = new Set(processes().filter((pid) => pid !== process.pid && descriptorsOf(pid).some(has)));
  return [...holders].filter((pid) => !holders.has(parentOf(pid)));
}

/** The process that listens on a socket of the abstract namespace, and its user; undefined where it is not seen from here. */
export function listenerOf(name: string): { readonly pid: number; readonly uid: number } | undefined {
  const inode = inodeOf(name);
  if (inode === undefined) return undefined;
  const is = (descriptor: string): boolean => {
    try {
      return readlinkSync(descriptor) === `socket:[${inode}]`;
    } catch {
      return false; // closed meanwhile
    }
  };
  const pid = processes().find((one) => descriptorsOf(one).some(is));
  const uid = pid === undefined ? undefined : statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  return pid === undefined || uid === undefined ? undefined : { pid, uid };
}

/** flag of a socket that listens, in /proc/net/unix */
const ACCEPTS = 0x10000;

function inodeOf(name: string): string | undefined {
  let table: string;
  try {
    table = readFileSync('/proc/net/unix', 'utf8');
  } catch {
    return undefined;
  }
  const shown = name.replaceAll('\0', '@');
  for (const line of table.split('\n')) {
    const [, , , flags = '', , , inode, path] = line.trim().split(/\s+/);
    // Node gives the kernel the whole field, filled up with zeros
    if (path?.replace(/@+$/, '') === shown && (Number.parseInt(flags, 16) & ACCEPTS) !== 0) return inode;
  }
  return undefined;
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}
