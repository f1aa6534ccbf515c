import net from 'node:net';
import { BlissError } from '../lib/errors.js';

/** Loopback only: a development server has no authentication. */
export const LOOPBACK = '127.0.0.1';

export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * Below Linux's ephemeral ports (from 32,768 on): the server gives its own inner services ephemeral ports, and connections of others take
 * them too, so that one of those may be gone before it is listened on, or while the server is started again.
 */
const FIRST = 20_000;
const LAST = 32_767;
const LOOKS = 100;

/** A port that nobody listens on right now. Another process may take it before we do: see `onFreePorts`. */
export async function freePort(): Promise<number> {
  for (let look = 0; look < LOOKS; look++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (await portIsFree(port)) return port;
  }
  throw new BlissError({ code: 'PortInUse', message: `no free port found between ${FIRST} and ${LAST}`, where: LOOPBACK, fix: 'see who holds them: `ss -ltnp`' });
}

const TRIES = 5;

/** Starts something on two free ports, and on two others where one was lost to another process in between. */
export async function onFreePorts<T>(start: (ports: { readonly port: number; readonly uiPort: number }) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const port = await freePort();
      let uiPort = await freePort();
      while (uiPort === port) uiPort = await freePort();
      return await start({ port, uiPort });
    } catch (error) {
      if (attempt === TRIES || !(error instanceof BlissError) || error.code !== 'PortInUse') throw error;
    }
  }
}
