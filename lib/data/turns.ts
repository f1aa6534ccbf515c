import { setImmediate as nextTurn } from 'node:timers/promises';
import { BlissError } from '../errors.js';

/** Progress counts thousandths; each part of the work has a fixed share, seen with the demo. */
export const STEPS = 1_000;
const PARTS = { tokenizer: [0, 100], heldOut: [100, 200], pack: [200, 700], write: [700, 1_000] } as const;
/** Longest time between two turns of the event loop, as far as single documents allow. */
const TURN_MILLISECONDS = 25;

export interface Turns {
  /** `step` of `of` is the whole's; `what` says what is being done */
  readonly onProgress?: (step: number, of: number, what: string) => void | Promise<void>;
  /** something begins that counts no steps and may take long */
  readonly onPhase?: (what: string) => void | Promise<void>;
  readonly shouldStop?: () => boolean;
}
export type Turn = (part: keyof typeof PARTS, share: number, what: string) => Promise<void>;

/** Reports, hears a stop and lets the event loop run, now and then. */
export function turns({ onProgress, shouldStop }: Turns): Turn {
  let last = performance.now();
  return async (part, share, what) => {
    if (performance.now() - last < TURN_MILLISECONDS) return;
    if (shouldStop?.() === true) throw new BlissError({ code: 'Stopped', message: 'the preparation of the corpus was stopped' });
    const [from, to] = PARTS[part];
    await onProgress?.(Math.floor(from + (to - from) * Math.min(1, share)), STEPS, what);
    await nextTurn();
    last = performance.now();
  };
}

/** A worker answers for a phase only so long. */
const SAID_AGAIN_MILLISECONDS = 5_000;

/** Says what is going on that counts no steps, and says it again as it goes on; hears a stop. */
export function saying({ onPhase, shouldStop }: Turns, what: string): (now?: boolean) => Promise<void> {
  let last = -Infinity;
  return async (now = false) => {
    if (!now && performance.now() - last < SAID_AGAIN_MILLISECONDS) return;
    if (shouldStop?.() === true) throw new BlissError({ code: 'Stopped', message: 'the preparation of the corpus was stopped' });
    await onPhase?.(what);
    last = performance.now();
  };
}
