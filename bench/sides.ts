import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { trainerEnvironment } from '../workers/trainer/environment.js';
import type { BenchContext } from './bench.js';
import { startContender, type Contender } from './contender.js';
import type { Answers, SubjectName } from './protocol.js';
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
  /** folder of what it compiled, kept between processes. @default that of every run */
  readonly cache?: string;
}

export interface OpenSideInput {
  readonly side: Side;
  readonly context: Pick<BenchContext, 'pyTorch'>;
  readonly subject: SubjectName;
  /** weights and data: our side writes them, PyTorch reads them */
  readonly folder: string;
  /** first steps that are taken at once */
  readonly checked: number;
}

export interface OpenSide {
  readonly contender: Contender;
  /** numbers of the first steps */
  readonly steps: Answers['prepare']['steps'];
  /** until they were done: loading, tracing, compiling */
  readonly seconds: number;
}

const OURS = fileURLToPath(new URL('./ours/serve.js', import.meta.url));

/** Starts the side's process, under a trainer's environment where it is ours, on all cores, and takes its first steps. */
export async function openSide({ side, context, subject, folder, checked }: OpenSideInput): Promise<OpenSide> {
  const contender = start(side, context);
  try {
    const { steps, seconds } = await contender.ask({ ask: 'prepare', subject, folder, spec: side.spec, threads: availableParallelism(), checked });
    return { contender, steps, seconds };
  } catch (error) {
    await contender.close();
    throw error;
  }
}

function start({ name, side, environment = {}, cache }: Side, { pyTorch }: Pick<BenchContext, 'pyTorch'>): Contender {
  if (side === 'ours') return startContender({ name, program: process.execPath, args: [OURS], environment: { ...ourEnvironment(cache), ...environment } });
  if ('unavailable' in pyTorch) throw new Error(pyTorch.unavailable);
  const kept = cache === undefined ? {} : { TORCHINDUCTOR_CACHE_DIR: cache };
  return startContender({ name, program: pyTorch.python, args: pyTorchArguments(), environment: { ...process.env, ...kept, ...environment } });
}

/** A trainer's, as a worker makes it; with another cache, all that is kept between processes lies there. */
function ourEnvironment(cache: string | undefined): NodeJS.ProcessEnv {
  if (cache === undefined) return trainerEnvironment({ role: 'gpu' });
  const before = process.env['BLISS_CACHE'];
  process.env['BLISS_CACHE'] = cache;
  try {
    return { ...trainerEnvironment({ role: 'gpu' }) };
  } finally {
    if (before === undefined) delete process.env['BLISS_CACHE'];
    else process.env['BLISS_CACHE'] = before;
  }
}

/**
 * With glibc's defaults each step gives its large blocks back to the kernel and faults them in again, page by page: a quarter of an
 * eager step of Pythia 14M. PyTorch's tuning guide advises another allocator; these settings keep the blocks without one.
 */
const KEPT_MEMORY: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: String(2 ** 35), MALLOC_TRIM_THRESHOLD_: String(2 ** 35) };

/** PyTorch's ways of computing a specification: eager and compiled, as installed; with `tuned` also where malloc keeps its memory. */
export function pyTorchSides({ spec, context }: { readonly spec: object; readonly context: Pick<BenchContext, 'tuned'> }): Side[] {
  const plain: Side[] = [
    { name: 'PyTorch eager', side: 'pytorch', spec: { ...spec, compile: false } },
    { name: 'PyTorch compile', side: 'pytorch', spec: { ...spec, compile: true } },
  ];
  const tuned = plain.map((side): Side => ({ ...side, name: `${side.name}, malloc tuned`, tuned: true, environment: KEPT_MEMORY }));
  return context.tuned ? [...plain, ...tuned] : plain;
}
