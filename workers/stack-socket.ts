import net from 'node:net';
import type { StackInfo } from './stack-info.js';

/** What a guest says; one that only asks says nothing. */
const STAY = 'stay\n';

/** A stack that is stopped (SIGSTOP) or wedged says nothing. */
const ANSWER_TIMEOUT_MS = 2_000;

/** More than any stack says: whoever goes on is none. */
const ANSWER_LIMIT = 65_536;

/** Where a stack answers who asks, under names in Linux's abstract namespace: the kernel frees them with the process. */
export interface StackSocket {
  /** @returns false where another listens under that name */
  listen(name: string): Promise<boolean>;
  /** what the next asker hears */
  announce(info: StackInfo): void;
  /** commands that stay connected because their run goes on here */
  guests(): number;
  close(): Promise<void>;
}

export function openStackSocket(info: StackInfo): StackSocket {
  let current = info;
  const callers = new Set<net.Socket>();
  const guests = new Set<net.Socket>();
  const servers: net.Server[] = [];
  const answer = (socket: net.Socket): void => {
    callers.add(socket);
    socket.unref(); // nobody who asks keeps the stack from ending
    socket.on('error', () => undefined); // the asker has gone
    socket.on('data', (said) => (said.toString('utf8') === STAY ? guests.add(socket) : undefined));
    socket.on('close', () => {
      callers.delete(socket);
      guests.delete(socket);
    });
    socket.write(`${JSON.stringify(current)}\n`);
  };
  return {
    listen: (name) =>
      new Promise((resolve, reject) => {
        const server = net.createServer(answer);
        server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
        server.listen(name, () => {
          server.unref();
          servers.push(server);
          resolve(true);
        });
      }),
    announce: (next) => {
      current = next;
    },
    guests: () => guests.size,
    close: async () => {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of callers) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** One who answers, and the line to it, which the caller closes. */
export interface StackAnswer {
  readonly info: StackInfo;
  readonly socket: net.Socket;
}

/** @returns `silent` where somebody listens and says nothing; undefined where nobody does, or not in our words */
export function callStack(name: string): Promise<StackAnswer | 'silent' | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(name);
    const end = (result: 'silent' | undefined): void => {
      clearTimeout(timer);
      resolve(result);
      socket.destroy();
    };
    const timer = setTimeout(() => end('silent'), ANSWER_TIMEOUT_MS);
    let answer = '';
    const hear = (part: Buffer): void => {
      answer += part.toString('utf8');
      if (answer.length > ANSWER_LIMIT) end(undefined);
      if (!answer.endsWith('\n')) return;
      socket.off('data', hear);
      const info = parsed(answer);
      if (info === undefined) return end(undefined);
      clearTimeout(timer);
      resolve({ info, socket });
    };
    socket.on('data', hear);
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined)); // it ended while we asked
  });
}

/** From here on it counts as a guest. */
export function stayOn({ socket }: StackAnswer): { leave(): void } {
  socket.on('error', () => undefined); // it ended; the follower asks anew
  socket.write(STAY);
  socket.unref();
  return { leave: () => socket.destroy() };
}

function parsed(answer: string): StackInfo | undefined {
  try {
    const said: unknown = JSON.parse(answer);
    return typeof said === 'object' && said !== null && 'pid' in said && 'started' in said ? (said as StackInfo) : undefined;
  } catch {
    return undefined;
  }
}
