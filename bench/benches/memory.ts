import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adamSchema } from '../../config/sections/training.js';
import type { Bench, BenchContext } from '../bench.js';
import { describe, models, type ModelName } from '../models.js';
import type { TrainingStepSpec } from '../ours/training-step.js';
import { openSide, pyTorchSides, type Side } from '../sides.js';

const SEQUENCE_LENGTH = 1_024;
const BATCH_SIZE = 4;
const cases: readonly ModelName[] = ['31m', '160m'];
/** the step that compiles, and the one that is measured by itself: all that follow are like it */
const FIRST_STEPS = 1;
const STEPS = 1;

/** What of a run's settings holds less at once, beside a step as it is. */
const savings: readonly { readonly name: string; readonly settings: Partial<TrainingStepSpec> }[] = [
  { name: 'ours', settings: {} },
  { name: 'ours, blocks recomputed', settings: { recompute: 'blocks' } },
  { name: 'ours, micro-batches of one row', settings: { microBatchSize: 1 } },
];

interface Peak {
  readonly name: string;
  readonly side: Side['side'];
  /** largest resident memory of the process from its start: initial weights, compiling, two steps */
  readonly wholeBytes: number;
  /** of the second step alone */
  readonly stepsBytes: number;
  /** of such a step; one process at a time, not in turn with the others */
  readonly milliseconds: number;
}

interface Data {
  readonly cases: readonly { readonly label: string; readonly sides: readonly Peak[] }[];
}

/** Largest resident memory of training steps on long rows, each in a fresh process. */
export const memory: Bench<Data> = {
  name: 'memory',
  about: `peak memory of training steps of ${BATCH_SIZE} × ${SEQUENCE_LENGTH} tokens`,
  cases,
  run: async (context) => {
    const done: Data['cases'][number][] = [];
    for (const model of cases) {
      if (context.only.length > 0 && !context.only.includes(model)) continue;
      const label = `${model}: ${describe(models[model])}, batch ${BATCH_SIZE} × ${SEQUENCE_LENGTH}`;
      context.say(label);
      const spec: TrainingStepSpec = { ...models[model], sequenceLength: SEQUENCE_LENGTH, batchSize: BATCH_SIZE, adam: adamSchema.parse({}), gradientClip: 1, mode: 'xla', learningRate: 1e-3, batches: 1, seed: 1 };
      const ours = savings.map(({ name, settings }): Side => ({ name, side: 'ours', spec: { ...spec, ...settings } }));
      const sides: readonly Side[] = [...ours, ...('unavailable' in context.pyTorch ? [] : pyTorchSides({ spec, context }))];
      done.push({ label, sides: await peaks({ sides, context }) });
    }
    return { cases: done };
  },
  tables: (data) => [
    {
      caption: 'Peak memory of training steps',
      columns: ['', '', 'whole process, GB', 'a step alone, GB', 'PyTorch’s least / ours', 'ms a step, once'],
      rows: data.cases.flatMap(({ label, sides }) =>
        sides.map((one, i) => {
          const theirs = sides.filter(({ side }) => side === 'pytorch');
          const ratio = (bytes: (peak: Peak) => number): string => (Math.min(...theirs.map(bytes)) / bytes(one)).toFixed(2);
          return [
            i === 0 ? label : '',
            one.name,
            gigabytes(one.wholeBytes),
            gigabytes(one.stepsBytes),
            one.side === 'ours' && theirs.length > 0 ? `${ratio(({ wholeBytes }) => wholeBytes)}, ${ratio(({ stepsBytes }) => stepsBytes)}` : '',
            Math.round(one.milliseconds).toLocaleString('en'),
          ];
        }),
      ),
    },
  ],
};

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

async function peaks({ sides, context }: { readonly sides: readonly Side[]; readonly context: BenchContext }): Promise<Peak[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  try {
    const found: Peak[] = [];
    for (const side of sides) {
      const { contender } = await openSide({ side, context, subject: 'training-step', folder, checked: FIRST_STEPS });
      try {
        const before = contender.peakBytes();
        contender.forgetPeak();
        const { milliseconds } = await contender.ask({ ask: 'repeat', untimed: 0, steps: STEPS });
        const stepsBytes = contender.peakBytes();
        const wholeBytes = Math.max(before, stepsBytes);
        found.push({ name: side.name, side: side.side, wholeBytes, stepsBytes, milliseconds });
        context.say(`  ${side.name}: ${gigabytes(wholeBytes)} GB, a step alone ${gigabytes(stepsBytes)} GB`);
      } finally {
        await contender.close();
      }
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
