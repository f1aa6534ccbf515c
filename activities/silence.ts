/** Often enough for the shortest `worker.heartbeatTimeout`; the SDK sends one a second. */
const TICK_MS = 500;

export interface WatchSilence {
  /** while the worker lives */
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
 * What ends for the want of heartbeats is then a worker that was killed, cut off or stood still.
 */
export function watchSilence({ heartbeat, onSilent, timeout = Infinity, start }: WatchSilence): Silence {
  let silentMs = 0;
  let allowedMs = (timeout + start) * 1000;
  let told = false;
  const timer = setInterval(() => {
    // by ticks and not by the clock: a worker that stood still itself, with words of its trainer yet to be read, has had none
    silentMs += TICK_MS;
    heartbeat();
    if (silentMs < allowedMs || told) return;
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
