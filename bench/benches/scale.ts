import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import type { Bench, BenchContext, Table } from '../bench.js';
import { makeDocuments, makeScores } from '../made-corpus.js';
import { CORPUS_FILE, HELD_OUT_FILE, type ScaleStageSpec } from '../ours/scale-stage.js';
import type { ScaleSelectionSpec } from '../ours/scale-selection.js';
import { openSide } from '../sides.js';
import { summarise } from '../statistics.js';

/** T */
const SEQUENCE_LENGTH = 128;
/** of made text that a row takes, seen, and a little more */
const BYTES_PER_ROW = 700;
const HELD_OUT_BYTES = 4e6;
/** share of made scores that is chosen */
const FRACTION = 0.2;
/** a round of the selections is minutes */
const MOST_ROUNDS = 3;
/** what the selection stage gives DuckDB, and DuckDB's own default */
const SAME_MEMORY = 256 * 2 ** 20;
const WHOLE_MEMORY = Math.floor(0.8 * totalmem());

/** Sizes of `--model`; the first of each kind are the whole bench. */
const stageRows = { stages: 2_000_000, 'stages-200k': 200_000 } as const;
const selectionRows = { selection: 100_000_000, 'selection-10m': 10_000_000 } as const;

interface StageFigures {
  readonly stage: string;
  readonly seconds: number;
  /** largest resident memory of the process, from its start */
  readonly peakBytes: number;
}
interface SelectionFigures {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly peakBytes: number;
}
export interface ScaleData {
  readonly stages: readonly { readonly rows: number; readonly corpusBytes: number; readonly stages: readonly StageFigures[] }[];
  readonly selections: readonly { readonly rows: number; readonly sides: readonly SelectionFigures[] }[];
}

/** Large corpora on a small machine: stages in bounded memory, and selection beside plain DuckDB. */
export const scale: Bench<ScaleData> = {
  name: 'scale',
  about: 'rows/s and peak memory of the stages on 2 million rows, and selection from 100 million scores beside plain DuckDB',
  cases: [...Object.keys(stageRows), ...Object.keys(selectionRows)],
  run: async (context) => {
    const isWanted = (name: string): boolean => (context.only.length === 0 ? name === 'stages' || name === 'selection' : context.only.includes(name));
    const stages: ScaleData['stages'][number][] = [];
    for (const [name, rows] of Object.entries(stageRows)) if (isWanted(name)) stages.push(await inFolder((folder) => stagesOf({ context, folder, rows })));
    const selections: ScaleData['selections'][number][] = [];
    for (const [name, rows] of Object.entries(selectionRows)) if (isWanted(name)) selections.push(await inFolder((folder) => selectionsOf({ context, folder, rows })));
    return { stages, selections };
  },
  tables: ({ stages, selections }) => [...stages.map(stagesTable), ...selections.map(selectionTable)],
};

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bliss-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Case {
  readonly context: BenchContext;
  readonly folder: string;
  readonly rows: number;
}

async function stagesOf({ context, folder, rows }: Case): Promise<ScaleData['stages'][number]> {
  context.say(`making a corpus of ${rows.toLocaleString('en')} rows of ${SEQUENCE_LENGTH} tokens`);
  const corpusBytes = await makeDocuments({ file: path.join(folder, CORPUS_FILE), bytes: rows * BYTES_PER_ROW, seed: 'corpus' });
  await makeDocuments({ file: path.join(folder, HELD_OUT_FILE), bytes: HELD_OUT_BYTES, seed: 'held out' });
  const stages: StageFigures[] = [];
  for (const stage of ['prepare', 'scoring', 'selection'] as const) {
    const spec: ScaleStageSpec = { stage, rows, sequenceLength: SEQUENCE_LENGTH };
    const { contender } = await openSide({ side: { name: stage, side: 'ours', spec }, context, subject: 'scale-stage', folder, checked: 0 });
    try {
      const { numbers } = await contender.ask({ ask: 'step' });
      const figures = { stage, seconds: numbers['seconds'], peakBytes: contender.peakBytes() };
      stages.push(figures);
      context.say(`  ${stage}: ${Math.round(rows / figures.seconds).toLocaleString('en')} rows/s, ${gigabytes(figures.peakBytes)} GB`);
    } finally {
      await contender.close();
    }
  }
  return { rows, corpusBytes, stages };
}

async function selectionsOf({ context, folder, rows }: Case): Promise<ScaleData['selections'][number]> {
  context.say(`making ${rows.toLocaleString('en')} scores`);
  const scores = path.join(folder, 'scores.parquet');
  await makeScores({ file: scores, rows, temporaryFolder: path.join(folder, 'making') });
  const common = { scores, count: Math.round(FRACTION * rows) };
  const sides: readonly { readonly name: string; readonly spec: ScaleSelectionSpec }[] = [
    { name: 'ours', spec: { way: 'ours', ...common } },
    { name: 'plain DuckDB, with as much memory', spec: { way: 'plain', memoryBytes: SAME_MEMORY, ...common } },
    { name: 'plain DuckDB, with the machine’s', spec: { way: 'plain', memoryBytes: WHOLE_MEMORY, ...common } },
  ];
  const taken = sides.map(({ name }) => ({ name, seconds: [] as number[], peakBytes: 0 }));
  const rounds = Math.min(MOST_ROUNDS, context.repeats);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (turn + round) % sides.length;
      const { name, spec } = sides[at];
      // a process each time: what one selection leaves in memory is no part of the next one's peak
      const { contender } = await openSide({ side: { name, side: 'ours', spec }, context, subject: 'scale-selection', folder, checked: 0 });
      try {
        const { numbers } = await contender.ask({ ask: 'step' });
        taken[at].seconds.push(numbers['seconds']);
        taken[at].peakBytes = Math.max(taken[at].peakBytes, contender.peakBytes());
        context.say(`  ${name}: ${numbers['seconds'].toFixed(1)} s, ${gigabytes(contender.peakBytes())} GB`);
      } finally {
        await contender.close();
      }
    }
  }
  return { rows, sides: taken };
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

function stagesTable({ rows, corpusBytes, stages }: ScaleData['stages'][number]): Table {
  return {
    caption: `Stages on ${rows.toLocaleString('en')} rows of ${SEQUENCE_LENGTH} tokens, from ${gigabytes(corpusBytes)} GB of text; a score model of 1 × 16; 20% selected`,
    columns: ['', 'seconds', 'rows/s', 'peak memory of its process, GB'],
    rows: stages.map(({ stage, seconds, peakBytes }) => [stage, seconds.toFixed(0), Math.round(rows / seconds).toLocaleString('en'), gigabytes(peakBytes)]),
  };
}

function selectionTable({ rows, sides }: ScaleData['selections'][number]): Table {
  const [ours] = sides;
  const mine = summarise(ours.seconds);
  return {
    caption: `The best 20% of ${rows.toLocaleString('en')} scores, by rank and with ties by id, written to Parquet`,
    columns: ['', 's, least / median', 'ours / it, least / median', 'peak memory of the process, GB'],
    rows: sides.map(({ name, seconds, peakBytes }) => {
      const { least, median } = summarise(seconds);
      const ratio = seconds === ours.seconds ? '' : `${(mine.least / least).toFixed(2)} / ${(mine.median / median).toFixed(2)}`;
      return [name, `${least.toFixed(1)} / ${median.toFixed(1)}`, ratio, gigabytes(peakBytes)];
    }),
  };
}
