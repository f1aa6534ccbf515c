import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { TICKS, type Contender } from './contender.js';

export interface AlternateInput {
  readonly contenders: readonly Contender[];
  /** timed repetitions of each */
  readonly repeats: number;
  /** steps of a repetition, after `untimed` ones */
  readonly steps: number;
  readonly untimed: number;
}

export interface Timings {
  /** of one step, a value a repetition, in the order taken */
  readonly milliseconds: readonly number[];
  /** share of the machine's cores that anything else took in its turns: the other contenders, other programs, other guests of the host */
  readonly disturbance: number;
}

/** Threads that wait for work by spinning give up within this time. */
const SETTLE_MS = 30;
/** repetitions before the first that counts */
const WARM_UP = 2;

/**
 * One repetition of each in turn, over and over, so that whatever the machine does in the meantime (clock, neighbours) meets all of
 * them alike. Each round begins with another one: nobody always comes after the same.
 */
export async function alternate({ contenders, repeats, steps, untimed }: AlternateInput): Promise<Timings[]> {
  const taken = contenders.map(() => ({ milliseconds: [] as number[], others: 0, seconds: 0 }));
  for (let round = 0; round < WARM_UP + repeats; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const at = (turn + round) % contenders.length;
      const contender = contenders[at];
      await wait(SETTLE_MS);
      const before = machineSeconds() - contender.processorSeconds();
      const started = performance.now();
      const { milliseconds } = await contender.ask({ ask: 'repeat', untimed, steps });
      const seconds = (performance.now() - started) / 1000;
      if (round < WARM_UP) continue;
      const own = taken[at];
      own.milliseconds.push(milliseconds);
      own.others += machineSeconds() - contender.processorSeconds() - before;
      own.seconds += seconds;
    }
  }
  return taken.map(({ milliseconds, others, seconds }) => ({ milliseconds, disturbance: Math.max(0, others) / (seconds * availableParallelism()) }));
}

/** processor time that all cores have worked since the start of the machine, or were taken away by its host, seconds */
export function machineSeconds(): number {
  const [, user, nice, system, , , interrupts, softInterrupts, stolen] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).map(Number);
  return (user + nice + system + interrupts + softInterrupts + stolen) / TICKS;
}
