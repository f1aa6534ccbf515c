import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { machineSeconds } from '../alternate.js';
import type { Bench, BenchContext, Table } from '../bench.js';
import type { Contender } from '../contender.js';
import type { CheckpointingSpec } from '../ours/checkpointing.js';
import type { StepNumbers } from '../ours/subject.js';
import type { WholeRunSpec } from '../ours/whole-run.js';
import { openSide } from '../sides.js';
import { summarise } from '../statistics.js';
import { openTemporalRuns } from '../temporal-runs.js';

interface CheckpointingCase {
  readonly name: string;
  readonly label: string;
  readonly spec: CheckpointingSpec;
}

/** the demo's corpus under a model of 14M parameters, whose state is large beside what a step computes */
const PYTHIA_14M = ['models.vocabularySize=50304', ...['proxy', 'target'].map((which) => `models.${which}={architecture: gpt-neox, layers: 6, width: 128, heads: 4}`), 'pretraining.batchSize=2'];

const checkpointing: readonly CheckpointingCase[] = [
  { name: 'training', label: 'training, the demo: every 50 of 250 steps, as the demo has it (the default: 500)', spec: { stage: 'training', overrides: [], steps: 250, every: 50 } },
  { name: 'bilevel', label: 'bilevel, the demo: every 20 of 60 outer steps, as the demo has it (the default: 100)', spec: { stage: 'bilevel', overrides: [], steps: 60, every: 20 } },
  { name: 'training-14m', label: 'training, 6 × 128, V 50,304, batch 2 × 128: every 500 steps, the default, of 550', spec: { stage: 'training', overrides: PYTHIA_14M, steps: 550, every: 500 } },
];

const WHOLE_RUN = 'whole-run';
/** one round of one arm: stages come one after the other, as they do without Temporal. Those that train take a minute or more */
const IN_ROW = ['rounds=1', 'comparison.arms=[{name: bliss, selector: bliss}]'];
const lengths = (steps: number, outerSteps: number): string[] => [`warmUp.steps=${steps}`, `pretraining.steps=${steps}`, `bilevel.outerSteps=${outerSteps}`];
const MINUTES = [...IN_ROW, ...lengths(1_200, 120)];
/** compiles the same programs; and all of a trial */
const SECONDS = [...IN_ROW, ...lengths(60, 30)];
/** of the repetitions asked for; a run takes minutes */
const SHARE_OF_REPEATS = 0.3;
/** fewer repetitions than this only try whether it works */
const LEAST_REPEATS = 3;

interface Data {
  readonly checkpointing: readonly { readonly label: string; readonly repetitions: readonly StepNumbers[] }[];
  readonly orchestration?: WholeRuns;
}

interface WholeRuns {
  readonly label: string;
  readonly temporalSeconds: readonly number[];
  readonly directSeconds: readonly number[];
  /** share of the cores that all else took while the stages were called directly: the idle stack among it */
  readonly besideDirect: readonly number[];
}

/** What checkpoints and Temporal cost, as ratios of times that are taken in turn. */
export const durability: Bench<Data> = {
  name: 'durability',
  about: 'stages with checkpoints against the same without, and a whole run by Temporal against its stages called directly',
  cases: [...checkpointing.map(({ name }) => name), WHOLE_RUN],
  run: async (context) => {
    const wanted = (name: string): boolean => context.only.length === 0 || context.only.includes(name);
    const done: Data['checkpointing'][number][] = [];
    for (const { name, label, spec } of checkpointing) {
      if (!wanted(name)) continue;
      context.say(label);
      // one pair first: it compiles
      done.push({ label, repetitions: await inProcess({ context, subject: 'checkpointing', spec }, (process) => repeated(context.repeats, async () => (await process.ask({ ask: 'step' })).numbers)) });
    }
    return { checkpointing: done, ...(wanted(WHOLE_RUN) ? { orchestration: await wholeRuns(context) } : {}) };
  },
  tables: ({ checkpointing: stages, orchestration }) => [...(stages.length === 0 ? [] : [checkpointingTable(stages)]), ...(orchestration === undefined ? [] : [orchestrationTable(orchestration)])],
};

async function inProcess<T>({ context, subject, spec }: { readonly context: BenchContext; readonly subject: 'checkpointing' | 'whole-run'; readonly spec: CheckpointingSpec | WholeRunSpec }, main: (process: Contender, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  try {
    const { contender } = await openSide({ side: { name: 'ours', side: 'ours', spec }, context, subject, folder: path.join(folder, 'direct'), checked: 1 });
    try {
      return await main(contender, folder);
    } finally {
      await contender.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function repeated<T>(times: number, once: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) results.push(await once(i));
  return results;
}

async function wholeRuns(context: BenchContext): Promise<WholeRuns> {
  const isTrial = context.repeats < LEAST_REPEATS;
  const overrides = isTrial ? SECONDS : MINUTES;
  const repeats = isTrial ? context.repeats : Math.max(LEAST_REPEATS, Math.round(context.repeats * SHARE_OF_REPEATS));
  const label = `the demo, one round, one arm, ${isTrial ? 'stages of seconds' : 'stages of a minute'}`;
  context.say(label);
  const spec: WholeRunSpec = { source: 'demo', overrides, first: SECONDS };
  return inProcess({ context, subject: 'whole-run', spec }, async (direct, folder) => {
    const temporal = await openTemporalRuns(path.join(folder, 'temporal'));
    try {
      await temporal.run({ source: 'demo', overrides: SECONDS }); // it compiles
      const [temporalSeconds, directSeconds, besideDirect]: [number[], number[], number[]] = [[], [], []];
      const sides = [
        async (): Promise<void> => void temporalSeconds.push(await temporal.run({ source: 'demo', overrides })),
        async (): Promise<void> => {
          const before = machineSeconds() - direct.processorSeconds();
          const { seconds } = (await direct.ask({ ask: 'step' })).numbers;
          directSeconds.push(seconds);
          besideDirect.push((machineSeconds() - direct.processorSeconds() - before) / (seconds * availableParallelism()));
        },
      ];
      await repeated(repeats, async (i) => {
        for (const turn of [0, 1]) await sides[(turn + i) % 2]();
        context.say(`  by Temporal ${temporalSeconds[i].toFixed(1)} s, directly ${directSeconds[i].toFixed(1)} s`);
      });
      return { label, temporalSeconds, directSeconds, besideDirect };
    } finally {
      await temporal.close();
    }
  });
}

const both = ({ least, median }: { readonly least: number; readonly median: number }, digits: number): string => `${least.toFixed(digits)} / ${median.toFixed(digits)}`;

/** of the least, and of the medians; and the median of the ratios of those that came one after the other */
function ratios(costly: readonly number[], plain: readonly number[]): string[] {
  const [a, b] = [summarise(costly), summarise(plain)];
  return [both({ least: a.least / b.least, median: a.median / b.median }, 3), summarise(costly.map((value, i) => value / plain[i])).median.toFixed(3)];
}
const RATIO_COLUMNS = ['ratio, least / median', 'median of the pairs’ ratios'];

function checkpointingTable(stages: Data['checkpointing']): Table {
  return {
    caption: 'Checkpoints: a stage from its call to its result, with them and without',
    columns: ['', 'pairs', 'with, s, least / median', 'without, s', ...RATIO_COLUMNS, 'checkpoints', 'MB each'],
    rows: stages.map(({ label, repetitions }) => {
      const seconds = (name: string): number[] => repetitions.map((numbers) => numbers[name] / 1000);
      const [saving, plain] = [seconds('savingMilliseconds'), seconds('plainMilliseconds')];
      return [label, String(repetitions.length), both(summarise(saving), 2), both(summarise(plain), 2), ...ratios(saving, plain), String(repetitions[0].saves), (repetitions[0].bytes / 1e6).toFixed(1)];
    }),
  };
}

function orchestrationTable({ label, temporalSeconds, directSeconds, besideDirect }: WholeRuns): Table {
  return {
    caption: 'Orchestration: a whole run by Temporal, and its stages called one after the other in one process',
    columns: ['', 'pairs', 'by Temporal, s, least / median', 'directly, s', ...RATIO_COLUMNS, 'all else beside the direct ones, of the cores'],
    rows: [[label, String(temporalSeconds.length), both(summarise(temporalSeconds), 1), both(summarise(directSeconds), 1), ...ratios(temporalSeconds, directSeconds), `${(100 * summarise(besideDirect).median).toFixed(1)}%`]],
  };
}
