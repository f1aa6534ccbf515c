import { setTimeout as wait } from 'node:timers/promises';
import type { Contender } from './contender.js';

export interface AlternateInput {
  readonly contenders: readonly Contender[];
  /** timed repetitions of each */
  readonly repeats: number;
  /** steps of a repetition, after `untimed` ones */
  readonly steps: number;
  readonly untimed: number;
}

export interface Timings {
  readonly name: string;
  /** of one step, a value a repetition, in the order taken */
  readonly milliseconds: readonly number[];
  /** share of one core that it took while others had their turn: near 0, or the measurement is worth nothing */
  readonly idleShare: number;
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
  const taken = contenders.map(() => ({ milliseconds: [] as number[], idle: 0, waited: 0 }));
  for (let round = -WARM_UP; round < repeats; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const at = (turn + round + WARM_UP) % contenders.length;
      await wait(SETTLE_MS);
      const before = contenders.map((contender) => contender.processorSeconds());
      const started = performance.now();
      const { milliseconds } = await contenders[at].ask({ ask: 'repeat', untimed, steps });
      const seconds = (performance.now() - started) / 1000;
      if (round < 0) continue;
      taken[at].milliseconds.push(milliseconds);
      contenders.forEach((contender, other) => {
        if (other === at) return;
        taken[other].idle += contender.processorSeconds() - before[other];
        taken[other].waited += seconds;
      });
    }
  }
  return contenders.map(({ name }, i) => ({ name, milliseconds: taken[i].milliseconds, idleShare: taken[i].waited === 0 ? 0 : taken[i].idle / taken[i].waited }));
}
