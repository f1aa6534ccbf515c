import { adamSchema } from '../../config/sections/training.js';
import type { Bench } from '../bench.js';
import { comparisonTable, type Comparison } from '../comparison-table.js';
import { compare } from '../compare.js';
import { describe, models, type ModelName } from '../models.js';
import type { TrainingStepSpec } from '../ours/training-step.js';
import { pyTorchSides } from '../sides.js';

interface Case {
  readonly model: ModelName;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** a repetition of a short step is several of them */
  readonly steps: number;
  readonly untimed: number;
}

const cases: readonly Case[] = [
  { model: 'small', batchSize: 8, sequenceLength: 128, steps: 5, untimed: 1 },
  { model: '14m', batchSize: 4, sequenceLength: 256, steps: 1, untimed: 0 },
  { model: '31m', batchSize: 4, sequenceLength: 512, steps: 1, untimed: 0 },
];

/** What both sides compute for one of the models. */
export function trainingStepSpec(name: ModelName): TrainingStepSpec {
  const { batchSize, sequenceLength } = caseOf(name);
  return { ...models[name], sequenceLength, batchSize, adam: adamSchema.parse({}), gradientClip: 1, mode: 'xla', learningRate: 1e-3, batches: 4, seed: 1 };
}

function caseOf(name: ModelName): Case {
  const found = cases.find(({ model }) => model === name);
  if (found === undefined) throw new RangeError(`no case ${name}`);
  return found;
}

/** first steps whose losses are compared */
const CHECKED = 5;

interface Data {
  readonly comparisons: readonly Comparison[];
}

/** A training step: next-token loss, gradient, global clip, AdamW. */
export const trainingStep: Bench<Data> = {
  name: 'training-step',
  about: 'a training step of three models against PyTorch, eager and compiled',
  cases: cases.map(({ model }) => model),
  run: async (context) => {
    const comparisons: Comparison[] = [];
    for (const { model, batchSize, sequenceLength, steps, untimed } of cases) {
      if (context.only.length > 0 && !context.only.includes(model)) continue;
      const label = `${model}: ${describe(models[model])}, batch ${batchSize} × ${sequenceLength}`;
      context.say(label);
      const spec = trainingStepSpec(model);
      const measured = await compare({
        context,
        subject: 'training-step',
        sides: [{ name: 'ours', side: 'ours', spec }, ...pyTorchSides({ spec, context })],
        numbers: ['loss'],
        checked: CHECKED,
        steps,
        untimed,
      });
      comparisons.push({ label, measured, amount: { unit: 'tokens/s', perStep: batchSize * sequenceLength } });
    }
    return { comparisons };
  },
  tables: ({ comparisons }) => [comparisonTable({ caption: 'Training step', comparisons })],
};
