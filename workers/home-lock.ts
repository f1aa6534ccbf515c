import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import net from 'node:net';
import type { Home } from '../lib/home.js';
import { makeHome } from '../lib/home-folder.js';
import { BlissError } from '../lib/errors.js';

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
}

export interface HomeLock {
  /** what the next asker hears */
  announce(info: StackInfo): void;
  /** commands that stay connected because their run goes on here */
  guests(): number;
  release(): Promise<void>;
}

/** What a guest says; one that only asks says nothing. */
const STAY = 'stay\n';

/** A stack that holds the lock but is stopped (SIGSTOP) or wedged says nothing. */
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * One stack a home: two Temporal servers on one SQLite file start without complaint and corrupt each other. The lock is a listening socket in
 * Linux's abstract namespace: the kernel frees it with the process, however that ends, and who finds it taken can ask who is there.
 * @throws BlissError HomeInUse, naming the process and its address; Usage where the home cannot be made
 */
export async function lockHome({ home, info }: { readonly home: Home; readonly info: StackInfo }): Promise<HomeLock> {
  makeHome(home);
  let current = info;
  const callers = new Set<net.Socket>();
  const guests = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    callers.add(socket);
    socket.unref(); // nobody who asks keeps the stack from ending
    socket.on('error', () => undefined); // the asker has gone
    socket.on('data', (said) => (said.toString('utf8') === STAY ? guests.add(socket) : undefined));
    socket.on('close', () => {
      callers.delete(socket);
      guests.delete(socket);
    });
    socket.write(`${JSON.stringify(current)}\n`);
  });
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(true) : reject(error)));
    server.listen(socketName(home), () => resolve(false));
  });
  if (taken) throw homeInUse(home, await askStack(home));
  server.unref();
  return {
    announce: (next) => {
      current = next;
    },
    guests: () => guests.size,
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of callers) socket.destroy();
      }),
  };
}

/** The stack that is up on a home; undefined where none is. `silent` holds the lock but does not answer. */
export async function askStack(home: Home): Promise<StackInfo | 'silent' | undefined> {
  const answer = await call(home);
  if (answer === undefined || answer === 'silent') return answer;
  answer.socket.destroy();
  return answer.info;
}

/** Keeps a temporary stack up until `leave`, or until this process ends. @returns undefined where no stack answers */
export async function stayWithStack(home: Home): Promise<{ leave(): void } | undefined> {
  const answer = await call(home);
  if (answer === undefined || answer === 'silent') return undefined;
  const { socket } = answer;
  socket.on('error', () => undefined); // it ended; the follower asks anew
  socket.write(STAY);
  socket.unref();
  return { leave: () => socket.destroy() };
}

function call(home: Home): Promise<{ readonly info: StackInfo; readonly socket: net.Socket } | 'silent' | undefined> {
  return new Promise((resolve) => {
    let name: string;
    try {
      name = socketName(home);
    } catch {
      resolve(undefined); // there is no such folder yet
      return;
    }
    const socket = net.connect(name);
    let answer = '';
    const timer = setTimeout(() => {
      resolve('silent');
      socket.destroy();
    }, ANSWER_TIMEOUT_MS);
    socket.on('data', (part) => {
      answer += part.toString('utf8');
      if (!answer.endsWith('\n')) return;
      clearTimeout(timer);
      resolve({ info: JSON.parse(answer) as StackInfo, socket }); // our own words
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(undefined); // it ended while we asked
    });
  });
}

export function homeInUse(home: Home, stack: StackInfo | 'silent' | undefined): BlissError {
  const who =
    stack === undefined || stack === 'silent' ? 'another stack, which does not answer' : `the stack of process ${stack.pid}${stack.address === undefined ? ', which is starting' : ` at ${stack.address}`}`;
  return new BlissError({
    code: 'HomeInUse',
    message: `this home is in use by ${who}`,
    where: home.root,
    mend: stack === undefined || stack === 'silent' ? 'end that process or take another --home' : `use that stack (bliss run and bliss status find it), end it with \`kill ${stack.pid}\`, or take another --home`,
  });
}

/** Named by the real path, so that links to one folder are one home. */
const socketName = (home: Home): string => `\0bliss-${createHash('sha256').update(realpathSync(home.root)).digest('hex').slice(0, 40)}`;
