import type { Bench } from '../bench.js';
import { comparisonTable, type Comparison } from '../comparison-table.js';
import { compare } from '../compare.js';
import { describe, models, type ModelName } from '../models.js';
import type { ScoringSubjectSpec } from '../ours/scoring.js';
import { pyTorchSides } from '../sides.js';

interface Case {
  readonly model: ModelName;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly steps: number;
  readonly untimed: number;
}

const cases: readonly Case[] = [
  { model: 'small', batchSize: 32, sequenceLength: 128, steps: 10, untimed: 2 },
  { model: '31m', batchSize: 16, sequenceLength: 512, steps: 1, untimed: 0 },
];

/** first batches whose logits are compared */
const CHECKED = 4;

interface Data {
  readonly comparisons: readonly Comparison[];
}

/** Rows through the score model: the bidirectional backbone and its head, no gradient. */
export const scoring: Bench<Data> = {
  name: 'scoring',
  about: 'a batch of rows through the score model',
  cases: cases.map(({ model }) => model),
  run: async (context) => {
    const comparisons: Comparison[] = [];
    for (const { model, batchSize, sequenceLength, steps, untimed } of cases) {
      if (context.only.length > 0 && !context.only.includes(model)) continue;
      const label = `${model}: ${describe(models[model])}, batch ${batchSize} × ${sequenceLength}`;
      context.say(label);
      const spec: ScoringSubjectSpec = { ...models[model], sequenceLength, batchSize, mode: 'xla', batches: 4, seed: 1 };
      const sides = [{ name: 'ours', side: 'ours' as const, spec }, ...pyTorchSides({ spec, context })];
      const measured = await compare({ context, subject: 'scoring', sides, numbers: ['first', 'last', 'norm'], checked: CHECKED, steps, untimed });
      comparisons.push({ label, measured, amount: { unit: 'rows/s', perStep: batchSize } });
    }
    return { comparisons };
  },
  tables: ({ comparisons }) => [comparisonTable({ caption: 'Scoring', comparisons })],
};
