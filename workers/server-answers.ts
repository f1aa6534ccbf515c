import { setTimeout as sleep } from 'node:timers/promises';
import { BlissError } from '../lib/errors.js';
import { connect } from './connection.js';
import type { ServerAddress } from './server-address.js';
import { requireNamespace } from './namespace.js';
import { refusalOf } from './server-fault.js';

const LOOK_EVERY_MS = 1_000;
/** who reads along hears at once, and then now and again */
const SAY_EVERY_MS = 60_000;

export interface ServerAnswers {
  readonly server: ServerAddress;
  /** why it does not, with how long that has gone on */
  readonly onSilence: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Gateways answer for servers that are being changed, by all other codes. */
const FOR_GOOD: ReadonlySet<string> = new Set(['NOT_FOUND', 'PERMISSION_DENIED', 'UNAUTHENTICATED']);
const isForGood = (error: unknown): boolean => error instanceof BlissError && error.code !== 'ServerUnreachable' && (error.code !== 'ServerRefused' || FOR_GOOD.has(refusalOf(error)?.status ?? ''));

/**
 * Waits, for as long as it takes, until a server answers: machines are started while it is away too, and workers again on them, and ending for
 * that would leave nobody to go on when it is back.
 * @returns false when the signal aborted
 * @throws BlissError ConfigInvalid, ServerRefused where it answers and will not have us: waiting fixes nothing
 */
export async function serverAnswers({ server, onSilence, signal }: ServerAnswers): Promise<boolean> {
  const began = Date.now();
  let saidAt = -Infinity;
  while (signal?.aborted !== true) {
    try {
      const connection = await connect(server);
      try {
        await requireNamespace({ connection, server, toWork: true });
      } finally {
        await connection.close();
      }
      return true;
    } catch (error) {
      if (isForGood(error)) throw error;
      if (Date.now() - saidAt >= SAY_EVERY_MS) {
        saidAt = Date.now();
        onSilence(`${error instanceof Error ? error.message : String(error)}; waiting for it, ${Math.round((saidAt - began) / 1000)} s so far`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }
  return false;
}
