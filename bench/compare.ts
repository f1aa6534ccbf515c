import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { trainerEnvironment } from '../workers/trainer/environment.js';
import { checkAgreement, type StepNumbers } from './agreement.js';
import { alternate } from './alternate.js';
import { startContender, type Contender } from './contender.js';
import type { BenchContext } from './bench.js';
import type { SubjectName } from './protocol.js';
import { pyTorchArguments } from './pytorch.js';

/** One side of a comparison. */
export interface Side {
  readonly name: string;
  readonly side: 'ours' | 'pytorch';
  readonly spec: object;
  /** false: it computes something else on purpose, and is not held against the others' numbers. @default true */
  readonly sameNumbers?: boolean;
  /** beside that of its kind */
  readonly environment?: Readonly<Record<string, string>>;
  /** PyTorch otherwise than as installed */
  readonly tuned?: boolean;
}

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
  /** share of one core taken in others' turns */
  readonly idleShare: number;
  /** until the first steps were done: loading, tracing, compiling */
  readonly readySeconds: number;
  readonly peakBytes: number;
  /** largest difference from our numbers in the first steps; none where they are not the same on purpose */
  readonly difference?: number;
}

const OURS = fileURLToPath(new URL('./ours/serve.js', import.meta.url));

/** Starts a process a side, sees that they compute the same, and times them in turn. PyTorch's sides are left out where it is not there. */
export async function compare({ context, subject, sides, numbers, relative = [], checked, steps, untimed }: CompareInput): Promise<Measured[]> {
  const { say, repeats } = context;
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  const threads = availableParallelism();
  const running: { readonly side: Side; readonly contender: Contender; readonly readySeconds: number; readonly difference: number | undefined; readonly alone: readonly number[] | undefined }[] = [];
  let reference: readonly StepNumbers[] | undefined;

  const open = async (side: Side): Promise<{ contender: Contender; seconds: number; numbersOfSteps: readonly StepNumbers[] }> => {
    const contender = start(side, context);
    const prepared = await contender.ask({ ask: 'prepare', subject, folder, spec: side.spec, threads, checked });
    return { contender, seconds: prepared.seconds, numbersOfSteps: prepared.steps };
  };

  try {
    for (const side of sides) {
      if (side.side === 'pytorch' && 'unavailable' in context.pyTorch) continue;
      const { contender, seconds, numbersOfSteps } = await open(side);
      say(`  ${side.name}: ready in ${seconds.toFixed(1)} s`);
      reference ??= numbersOfSteps;
      const compared = side.sameNumbers !== false && reference !== numbersOfSteps;
      const difference = compared ? checkAgreement({ ours: reference, theirs: numbersOfSteps, who: side.name, numbers, relative }) : undefined;
      running.push({ side, contender, readySeconds: seconds, difference, alone: undefined });
    }
    const timings = await alternate({ contenders: running.map(({ contender }) => contender), repeats, steps, untimed });
    const measured: Measured[] = [];
    for (const [i, { side, contender, readySeconds, difference }] of running.entries()) {
      const { peakBytes } = await contender.ask({ ask: 'memory' });
      const { milliseconds, idleShare } = timings[i];
      measured.push({ name: side.name, side: side.side, tuned: side.tuned === true, milliseconds, idleShare, readySeconds, peakBytes, ...(difference === undefined ? {} : { difference }) });
    }
    for (const { contender } of running.splice(0)) await contender.close();
    if (!context.alone) return measured;
    const withAlone: Measured[] = [];
    for (const one of measured) {
      const side = sides.find(({ name }) => name === one.name);
      if (side === undefined) continue;
      const { contender } = await open(side);
      const [{ milliseconds }] = await alternate({ contenders: [contender], repeats, steps, untimed });
      await contender.close();
      withAlone.push({ ...one, alone: milliseconds });
    }
    return withAlone;
  } finally {
    for (const { contender } of running) await contender.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function start({ name, side, environment = {} }: Side, { pyTorch }: BenchContext): Contender {
  if (side === 'ours') return startContender({ name, program: process.execPath, args: [OURS], environment: { ...trainerEnvironment({ role: 'gpu' }), ...environment } });
  if ('unavailable' in pyTorch) throw new Error(pyTorch.unavailable);
  return startContender({ name, program: pyTorch.python, args: pyTorchArguments(), environment: { ...process.env, ...environment } });
}
