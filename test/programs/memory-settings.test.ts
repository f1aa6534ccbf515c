import { describe, expect, test } from 'vitest';
import { createBilevelProgram, createScoringProgram, createTrainingProgram, type TrainingSpec } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { batchSize, bilevelSpec, difference, initialState, llama, mask, model, scoreWeights, sizes, tokens, trainingSpec } from './small.js';

const modes = ['graph', 'xla'] as const;

/** one step from the same weights; after the first, m is a tenth of the clipped gradient */
async function oneStep(spec: TrainingSpec): Promise<{ readonly loss: number; readonly gradientNorm: number; readonly state: NamedArrays }> {
  const program = await createTrainingProgram(spec);
  try {
    program.setState(initialState(program.getState(), spec.model));
    // a step before leaves something in the sums: it must not be in the next one's
    program.step({ ids: tokens(batchSize, 'before'), learningRate: 0, update: 1 });
    program.setState(initialState(program.getState(), spec.model));
    return { ...program.step({ ids: tokens(batchSize, 'step'), learningRate: 1e-3, update: 1 }), state: program.getState() };
  } finally {
    program.dispose();
  }
}

const gradients = (state: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(state).filter(([name]) => name.startsWith('adam.m/')));
const largestDifference = (found: NamedArrays, wanted: NamedArrays): number => Math.max(...Object.entries(wanted).map(([name, array]) => scaled(found[name], array, largest(wanted))));
const largest = (arrays: NamedArrays): number => Math.max(...Object.values(arrays).flatMap((array) => Array.from(array, Math.abs)));
const scaled = (found: ArrayLike<number>, wanted: ArrayLike<number>, scale: number): number => Math.max(...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / scale;

describe.each([
  { mode: 'graph', of: model },
  { mode: 'graph', of: llama },
  { mode: 'xla', of: model }, // test/models/llama.test.ts computes LLaMA's blocks again under XLA
] as const)('$mode, $of.architecture', ({ mode, of }) => {
  test.each([
    ['micro-batches of two rows', { microBatchSize: 2 }],
    ['micro-batches of one row', { microBatchSize: 1 }],
    ['blocks computed again', { recompute: 'blocks' }],
    ['blocks computed again, in micro-batches', { recompute: 'blocks', microBatchSize: 2 }],
  ] as const)('%s: loss and gradient of the whole batch to 1e-6, and a state of the same names', async (_, settings) => {
    const whole = await oneStep({ ...trainingSpec(mode), model: of });
    const parts = await oneStep({ ...trainingSpec(mode), model: of, ...settings });
    expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(1e-6);
    expect(Math.abs(parts.gradientNorm / whole.gradientNorm - 1)).toBeLessThan(1e-6);
    expect(Object.keys(parts.state)).toEqual(Object.keys(whole.state));
    expect(largestDifference(gradients(parts.state), gradients(whole.state))).toBeLessThan(1e-6);
  });

  test('bf16-mixed: products are rounded, the rest is not', async () => {
    const exact = await oneStep({ ...trainingSpec(mode), model: of });
    const mixed = await oneStep({ ...trainingSpec(mode), model: of, precision: 'bf16-mixed' });
    const error = largestDifference(gradients(mixed.state), gradients(exact.state));
    // bfloat16 has 8 bits of fraction: 4e-3 of a product
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(2e-2);
    expect(Math.abs(mixed.loss / exact.loss - 1)).toBeLessThan(2e-3);
    // weights are float32: a bfloat16 weight of 0.1 could not move by less than 2e-4
    const name = of.architecture === 'llama' ? 'params/model.layers.0.self_attn.o_proj.weight' : 'params/gpt_neox.layers.0.attention.dense.weight';
    const [moved, from] = [mixed.state[name], initialState(mixed.state, of)[name]];
    expect(Math.max(...Array.from(moved, (value, i) => Math.abs(value - from[i])))).toBeLessThan(1.5e-3);
    expect(new Set(Array.from(moved, (value) => new Float32Array([value])[0])).size).toBeGreaterThan(200);
  });
});

describe.each(modes)('%s', (mode) => {
  test('bf16-mixed: scores near the exact ones', async () => {
    const params = scoreWeights('a');
    const ids = tokens(batchSize, 'scored');
    const [exact, mixed] = await Promise.all(
      (['float32', 'bf16-mixed'] as const).map(async (precision) => {
        const program = await createScoringProgram({ model, ...sizes, batchSize, mode, precision });
        program.setState(params);
        const logits = program.score(ids);
        program.dispose();
        return logits;
      }),
    );
    expect(mixed).not.toEqual(exact);
    expect(difference(mixed, exact)).toBeLessThan(5e-2);
  });

  // three programs are compiled: a minute on a machine that does other things too
  test('an outer step whose blocks are computed again, and one whose inner step is bf16-mixed', { timeout: 240_000 }, async () => {
    const run = async (settings: object) => {
      const program = await createBilevelProgram({ ...bilevelSpec(mode, { solver: { method: 'gd', steps: 2, start: 'release' } }), ...settings });
      program.setState(initialState(program.getState()));
      const outer = program.outerStep({ validationIds: tokens(3, 'validation'), validationMask: mask(3), ids: tokens(batchSize, 'outer'), learningRate: 1e-3, update: 1, proxyUpdates: 1, first: true });
      const inner = program.innerStep({ ids: tokens(batchSize, 'inner'), learningRate: 1e-3, update: 1, first: true });
      program.dispose();
      return { outer, inner };
    };
    const exact = await run({});
    const again = await run({ recompute: 'blocks' });
    expect(difference(again.outer.alignment, exact.outer.alignment)).toBeLessThan(1e-5);
    expect(Math.abs(again.outer.hypergradientNorm / exact.outer.hypergradientNorm - 1)).toBeLessThan(1e-5);
    expect(Math.abs(again.inner.gradientNorm / exact.inner.gradientNorm - 1)).toBeLessThan(1e-6);
    const mixed = await run({ precision: 'bf16-mixed' });
    expect(mixed.outer.alignment).toEqual(exact.outer.alignment); // the solver is float32 in any case
    expect(mixed.inner.gradientNorm).not.toBe(exact.inner.gradientNorm);
    expect(Math.abs(mixed.inner.gradientNorm / exact.inner.gradientNorm - 1)).toBeLessThan(2e-2);
  });
});

test('micro-batches that do not make up a batch, and bfloat16 run eagerly, are refused', async () => {
  await expect(createTrainingProgram({ ...trainingSpec('graph'), microBatchSize: 3 })).rejects.toThrow('micro-batches of 3 rows do not make up a batch of 4');
  await expect(createTrainingProgram({ ...trainingSpec('eager'), precision: 'bf16-mixed' })).rejects.toThrow("entry 'step': products in bfloat16 are compiled only, not eager");
});
