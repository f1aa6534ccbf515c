import { spawn, spawnSync } from 'node:child_process';
import { BlissError } from '../lib/errors.js';

/** `refused`: the file system has no such locks, or gives none now; the reason is flock's. */
export type LockAnswer = 'taken' | 'held' | { readonly refused: string };

/** what `flock -n` ends with where another holds the lock; for a fault it has other codes */
const HELD = 1;

const PROGRAM = 'flock';

/**
 * flock(2) on an open file, by the program of that name. The lock belongs to the open file description, which the program shares with us: once it has
 * ended, the lock lasts until our descriptor, and every copy of it in a child that was given one, is closed, however these processes end. It reaches
 * as far as the file system: over the containers of a machine, and over machines where it is a network's that passes locks on.
 * @param shared beside others that share it. @throws BlissError NotSetUp
 */
export function tryFileLock({ fd, shared = false }: { readonly fd: number; readonly shared?: boolean }): Promise<LockAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, [shared ? '-s' : '-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', fd] });
    let said = '';
    child.stderr?.on('data', (part: Buffer) => (said += part.toString('utf8')));
    child.once('error', (cause: NodeJS.ErrnoException) => reject(cause.code === 'ENOENT' ? noFlock(cause) : cause));
    child.once('close', (code, signal) => resolve(code === 0 ? 'taken' : code === HELD && said === '' ? 'held' : { refused: said.trim() === '' ? `flock ended with ${signal ?? `code ${code ?? '?'}`}` : said.trim() }));
  });
}

/** What `bliss doctor` asks before a run does. @returns undefined where the program is there */
export const lockProgramFault = (): BlissError | undefined => {
  const { error } = spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' });
  return error === undefined ? undefined : noFlock(error);
};

const noFlock = (cause: unknown): BlissError =>
  new BlissError({ code: 'NotSetUp', message: 'the program `flock`, which locks a home, is not in PATH', fix: 'install util-linux (Debian, Ubuntu: apt install util-linux; Fedora: dnf install util-linux-core), or put it into PATH', cause });
