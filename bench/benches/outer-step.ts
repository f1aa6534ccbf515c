import { bilevelSchema, type BilevelConfig } from '../../config/sections/bilevel.js';
import type { ModelConfig } from '../../config/sections/models.js';
import type { Bench } from '../bench.js';
import { comparisonTable, type Comparison } from '../comparison-table.js';
import { compare } from '../compare.js';
import { describe, models } from '../models.js';
import type { OuterStepSpec } from '../ours/outer-step.js';
import { pyTorchSides, type Side } from '../sides.js';

const SEQUENCE_LENGTH = 128;
const { model, vocabularySize } = models.small;

/** rows of each of the two training minibatches and of the validation minibatch */
const cases = [8, 32] as const;
const caseName = (n: number): string => `n-${n}`;

/** As the authors' release: no causal mask, stale normaliser, three steps of gradient descent from 1/numel, exact products.  @see method §6 */
const release = (n: number): BilevelConfig =>
  bilevelSchema.parse({ ...sizes(n), causalProxy: false, normaliser: 'stale', solver: { method: 'gd', steps: 3, start: 'release', curvature: 'hessian' } });
const sizes = (n: number) => ({ batchSize: n, validationBatchSize: n });

export const outerStepSpec = (section: BilevelConfig): OuterStepSpec => {
  return { proxy: model, target: model, vocabularySize, sequenceLength: SEQUENCE_LENGTH, bilevel: section, mode: 'xla', learningRate: 1e-4, batches: 6, seed: 1 };
};

/** The release's algorithm as both sides compute it. */
export function releaseSpec(n: number): OuterStepSpec & { readonly model: ModelConfig } {
  // one model serves as proxy and target: the other side reads it under one name
  return { ...outerStepSpec(release(n)), model };
}

interface Data {
  readonly comparisons: readonly Comparison[];
}

/** An inner and an outer step: every update of the scores costs one of them. */
export const outerStep: Bench<Data> = {
  name: 'outer-step',
  about: 'an inner and an outer step of the bilevel phase: the release’s algorithm on both sides, and our other solvers',
  cases: cases.map(caseName),
  run: async (context) => {
    const comparisons: Comparison[] = [];
    for (const n of cases) {
      if (context.only.length > 0 && !context.only.includes(caseName(n))) continue;
      const label = `${describe(models.small)}, n = ${n}, T = ${SEQUENCE_LENGTH}`;
      context.say(label);
      const spec = releaseSpec(n);
      const other = (name: string, section: BilevelConfig): Side => ({ name, side: 'ours', spec: outerStepSpec(section), sameNumbers: false });
      const sides: readonly Side[] = [
        { name: 'ours, the release’s algorithm', side: 'ours', spec },
        ...pyTorchSides({ spec, context }),
        other('ours, default solver (gd of one step)', bilevelSchema.parse(sizes(n))),
        other('ours, gd of three steps from zero', bilevelSchema.parse({ ...sizes(n), solver: { method: 'gd', steps: 3 } })),
        other('ours, gd of three steps with Gauss-Newton products', bilevelSchema.parse({ ...sizes(n), solver: { method: 'gd', steps: 3, curvature: 'gauss-newton' } })),
        other('ours, identity', bilevelSchema.parse({ ...sizes(n), solver: { method: 'identity' } })),
      ];
      const measured = await compare({
        context,
        subject: 'outer-step',
        sides,
        numbers: ['lowerLoss', 'kl', 'upperLoss'],
        relative: ['zNorm', 'alignmentNorm', 'hypergradientNorm'],
        checked: 3,
        steps: 1,
        untimed: 0,
      });
      comparisons.push({ label, measured });
    }
    return { comparisons };
  },
  tables: ({ comparisons }) => [comparisonTable({ caption: 'Outer step', comparisons })],
};
