import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench } from '../bench.js';
import type { FeedingSpec } from '../ours/feeding.js';
import type { StepNumbers } from '../ours/subject.js';
import { openSide } from '../sides.js';
import { summarise } from '../statistics.js';

interface Case {
  readonly name: string;
  readonly label: string;
  readonly spec: FeedingSpec;
}

/** the demo's corpus in rows of 1,024 tokens, of which there are fewer */
const LONG_ROWS = [
  'data.sequenceLength=1024',
  'data.rowsPerGroup=512',
  'data.rowsPerShard=256',
  ...['warmUp', 'bilevel', 'pretraining'].map((section) => `${section}.batchSize=4`),
  ...['validation', 'tuning', 'test'].map((set) => `heldOut.${set}=64`),
];

const cases: readonly Case[] = [
  { name: 'training', label: 'training, the demo: 3 × 96, batch 16 × 128', spec: { stage: 'training', overrides: [], steps: 100, seed: 1 } },
  {
    name: 'long-rows',
    label: 'training, rows of 1,024: 3 × 96, batch 4 × 1,024',
    spec: { stage: 'training', overrides: LONG_ROWS, steps: 30, seed: 1 },
  },
  { name: 'bilevel', label: 'bilevel, the demo: n = 32, T = 128', spec: { stage: 'bilevel', overrides: [], steps: 25, seed: 1 } },
  { name: 'scoring', label: 'scoring, the demo: batches of 64 × 128', spec: { stage: 'scoring', overrides: [], steps: 64, seed: 1 } },
];

interface Data {
  readonly cases: readonly { readonly label: string; readonly repetitions: readonly StepNumbers[] }[];
}

/** Whether reading, unpacking and shuffling hide behind the steps. */
export const feeding: Bench<Data> = {
  name: 'feeding',
  about: 'the share of its time that a stage waits for data, and a step of it against the same step on data in memory',
  cases: cases.map(({ name }) => name),
  run: async (context) => {
    const done: Data['cases'][number][] = [];
    for (const { name, label, spec } of cases) {
      if (context.only.length > 0 && !context.only.includes(name)) continue;
      context.say(label);
      const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
      try {
        // one repetition first: it compiles
        const { contender } = await openSide({ side: { name: 'ours', side: 'ours', spec }, context, subject: 'feeding', folder, checked: 1 });
        try {
          const repetitions: StepNumbers[] = [];
          for (let i = 0; i < context.repeats; i++) repetitions.push((await contender.ask({ ask: 'step' })).numbers);
          done.push({ label, repetitions });
        } finally {
          await contender.close();
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    return { cases: done };
  },
  tables: (data) => [
    {
      caption: 'Feeding: a stage on shards from the disk, against the same steps on batches in memory',
      columns: ['', 'waits for data, median / most', 'after the first step', 'ms a step, least / median', 'ms a step, data in memory', 'stage / in memory'],
      rows: data.cases.map(({ label, repetitions }) => {
        const of = (name: string): number[] => repetitions.map((numbers) => numbers[name]);
        const stage = summarise(of('stepMilliseconds'));
        const hasBare = repetitions.every((numbers) => 'bareMilliseconds' in numbers);
        const bare = hasBare ? summarise(of('bareMilliseconds')) : undefined;
        return [
          label,
          medianAndMost(repetitions.map(({ waitSeconds, ofSeconds }) => waitSeconds / ofSeconds)),
          medianAndMost(repetitions.map(({ waitSeconds, firstWaitSeconds, ofSeconds, firstOfSeconds }) => (waitSeconds - firstWaitSeconds) / (ofSeconds - firstOfSeconds))),
          `${stage.least.toFixed(1)} / ${stage.median.toFixed(1)}`,
          bare === undefined ? '' : `${bare.least.toFixed(1)} / ${bare.median.toFixed(1)}`,
          bare === undefined ? '' : `${(stage.least / bare.least).toFixed(3)} / ${(stage.median / bare.median).toFixed(3)}`,
        ];
      }),
    },
  ],
};

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
const medianAndMost = (shares: readonly number[]): string => `${percent(summarise(shares).median)} / ${percent(Math.max(...shares))}`;
