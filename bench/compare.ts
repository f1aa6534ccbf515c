import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkAgreement } from './agreement.js';
import { alternate } from './alternate.js';
import type { BenchContext } from './bench.js';
import type { StepNumbers } from './ours/subject.js';
import type { SubjectName } from './protocol.js';
import { openSide, type OpenSide, type Side } from './sides.js';

export interface CompareInput {
  readonly context: BenchContext;
  readonly subject: SubjectName;
  /** the first is ours: it writes the weights and data that PyTorch reads */
  readonly sides: readonly Side[];
  /** numbers of the first steps that must agree, absolutely, and those that must relative to their size */
  readonly numbers: readonly string[];
  readonly relative?: readonly string[];
  /** first steps that are compared */
  readonly checked: number;
  /** steps of a repetition, after `untimed` ones */
  readonly steps: number;
  readonly untimed: number;
}

export interface Measured {
  readonly name: string;
  readonly side: 'ours' | 'pytorch';
  readonly tuned: boolean;
  /** of one step, a value a repetition */
  readonly milliseconds: readonly number[];
  /** the same where no other process was there */
  readonly alone?: readonly number[];
  /** share of the machine's cores that anything else took in its turns */
  readonly disturbance: number;
  /** until the first steps were done: loading, tracing, compiling */
  readonly readySeconds: number;
  readonly peakBytes: number;
  /** largest difference from our numbers in the first steps; none where they are not the same on purpose */
  readonly difference?: number;
}

interface RunningSide extends OpenSide {
  readonly side: Side;
  difference?: number;
}

/** More than this of the cores taken by others: the figures are not worth much. */
const MUCH_DISTURBED = 0.03;

/** Starts a process a side, sees that they compute the same, and times them in turn. PyTorch's sides are left out where it is not there. */
export async function compare(input: CompareInput): Promise<Measured[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  try {
    const measured = await together(input, folder);
    return input.context.alone ? await alsoAlone(input, folder, measured) : measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function together({ context, subject, sides, numbers, relative = [], checked, steps, untimed }: CompareInput, folder: string): Promise<Measured[]> {
  const { say, repeats } = context;
  const running: RunningSide[] = [];
  try {
    let reference: readonly StepNumbers[] | undefined;
    for (const side of sides) {
      if (side.side === 'pytorch' && 'unavailable' in context.pyTorch) continue;
      const open: RunningSide = { side, ...(await openSide({ side, context, subject, folder, checked })) };
      running.push(open);
      say(`  ${side.name}: ready in ${open.seconds.toFixed(1)} s`);
      if (reference !== undefined && side.sameNumbers !== false) {
        open.difference = checkAgreement({ ours: reference, theirs: open.steps, who: side.name, numbers, relative });
      }
      reference ??= open.steps;
    }
    const timings = await alternate({ contenders: running.map(({ contender }) => contender), repeats, steps, untimed });
    return running.map(({ side, contender, seconds, difference }, i) => {
      if (timings[i].disturbance > MUCH_DISTURBED) say(`  ${side.name} was disturbed: others took ${(100 * timings[i].disturbance).toFixed(0)}% of the cores`);
      const agreed = difference === undefined ? {} : { difference };
      return { name: side.name, side: side.side, tuned: side.tuned === true, ...timings[i], readySeconds: seconds, peakBytes: contender.peakBytes(), ...agreed };
    });
  } finally {
    for (const { contender } of running) await contender.close();
  }
}

/** Each once more, in a new process with no other beside it: what its neighbours, though idle, may have cost it. */
async function alsoAlone({ context, subject, sides, checked, steps, untimed }: CompareInput, folder: string, measured: readonly Measured[]): Promise<Measured[]> {
  const result: Measured[] = [];
  for (const one of measured) {
    const side = sides.find(({ name }) => name === one.name);
    if (side === undefined) throw new RangeError(`no side ${one.name}`);
    const { contender } = await openSide({ side, context, subject, folder, checked });
    try {
      const [{ milliseconds }] = await alternate({ contenders: [contender], repeats: context.repeats, steps, untimed });
      result.push({ ...one, alone: milliseconds });
    } finally {
      await contender.close();
    }
  }
  return result;
}
