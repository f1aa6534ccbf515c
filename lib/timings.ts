import type { DataWait } from './data/index.js';

/** A line of a run's `timings.jsonl`: one attempt at a stage, as its worker wrote it down when it ended. */
export interface Timing {
  /** `seed-0/bliss/round-1/scoring/shards-0-2` */
  readonly stage: string;
  readonly attempt: number;
  /** ISO 8601; with stage and attempt it names the attempt */
  readonly startedAt?: string;
  /** `done`, `cached`, `preempted`, …; `lost` for one that was killed, up to its last sign of life */
  readonly state: string;
  readonly seconds: number;
  readonly step: number;
  /** it held a device meanwhile; absent in lines of earlier versions */
  readonly device?: boolean;
  /** uri of what it made; absent in lines of earlier versions */
  readonly artifact?: string;
  readonly rate?: { readonly value: number; readonly unit: string };
  readonly dataWait?: DataWait;
}

/**
 * The lines that are whole, one an attempt: one that a kill cut off, and what was then written behind it, tells nothing; and an attempt that was given
 * up may end in the very moment in which its successor writes its line, so that there are two, of which the first counts.
 */
export function parseTimings(text: string): Timing[] {
  const seen = new Set<string>();
  return text.split('\n').flatMap((line) => {
    const timing = parse(line);
    if (timing === undefined) return [];
    if (timing.startedAt === undefined) return [timing];
    const attempt = attemptOf({ ...timing, startedAt: timing.startedAt });
    if (seen.has(attempt)) return [];
    seen.add(attempt);
    return [timing];
  });
}

/** What stages of the run gave, as far as lines tell. */
export const finishedIn = (text: string): Timing[] => parseTimings(text).filter(isFinished);

/** An attempt, or the stage that it was the last one at, has given a result: computed, or found. */
export const isFinished = ({ state }: { readonly state: string }): boolean => state === 'done' || state === 'cached';

/** The same for one attempt at a stage, in its line and in its progress file. */
export const attemptOf = ({ stage, attempt, startedAt }: { readonly stage: string; readonly attempt: number; readonly startedAt: string }): string => `${stage} ${attempt} ${startedAt}`;

function parse(line: string): Timing | undefined {
  if (line === '') return undefined;
  try {
    return JSON.parse(line) as Timing; // written by the workers' progress files
  } catch {
    return undefined; // cut off
  }
}
