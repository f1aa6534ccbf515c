import type { DataWait } from './data/index.js';

/** A line of a run's `timings.jsonl`: one attempt at a stage, as its worker wrote it down when it ended. */
export interface Timing {
  /** `seed-0/bliss/round-1/scoring/shards-0-2` */
  readonly stage: string;
  readonly attempt: number;
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

/** The lines that are whole: one that a kill cut off, and what was then written behind it, tells nothing. */
export function parseTimings(text: string): Timing[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Timing]; // written by the workers' progress files
    } catch {
      return []; // cut off
    }
  });
}
