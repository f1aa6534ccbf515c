/** Often enough for the shortest `worker.heartbeatTimeout`; the SDK sends one a second. */
const TICK_MS = 500;
/** A tick that comes later is one of a worker that stood still itself, and heard nothing for that. */
const LONGEST_TICK_MS = 2 * TICK_MS;

export interface WatchSilence {
  /** while the worker lives and has not given its trainer up */
  readonly heartbeat: () => void;
  /** once, where the trainer has said nothing for too long */
  readonly onSilent: (seconds: number) => void;
  /** seconds that a trainer may say nothing for while it takes steps; undefined: for ever */
  readonly timeout: number | undefined;
  /** seconds that it may say nothing for before its first word, beside the timeout */
  readonly start: number;
}

export interface Silence {
  /** The trainer has said something. @param beside seconds that it may now be silent for beside the timeout; absent: as before */
  heard(beside?: number): void;
  end(): void;
}

/**
 * Tells a worker that is gone from a trainer that hangs: the worker's heartbeats say that it lives itself, and it ends a trainer that says nothing.
 * What ends for the want of heartbeats is then a worker that was killed or cut off.
 */
export function watchSilence({ heartbeat, onSilent, timeout = Infinity, start }: WatchSilence): Silence {
  let silentMs = 0;
  let allowedMs = (timeout + start) * 1000;
  let tickedAt = performance.now();
  let told = false;
  const timer = setInterval(() => {
    const now = performance.now();
    silentMs += Math.min(now - tickedAt, LONGEST_TICK_MS);
    tickedAt = now;
    heartbeat();
    if (silentMs <= allowedMs || told) return;
    told = true;
    onSilent(silentMs / 1000);
  }, TICK_MS);
  return {
    heard: (beside) => {
      silentMs = 0;
      if (beside !== undefined) allowedMs = (timeout + beside) * 1000;
    },
    end: () => clearInterval(timer),
  };
}
