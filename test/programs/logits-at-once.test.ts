import { expect, test } from 'vitest';
import { LOGITS_AT_ONCE, positionRanges } from '../../lib/models/index.js';
import { createBilevelProgram, createEvaluationProgram, createProbingProgram, createTrainingProgram, type BilevelSpec, type TrainingSpec } from '../../lib/programs/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { batchSize, bilevelSpec, difference, initialState, llama, mask, model, sizes, tokens, trainingSpec } from './small.js';

/** XLA takes a minute and a half for these; in parts it has those of test/models/llama.test.ts, of evaluation, and of `npm run test:fixtures` */
const MODE = 'graph';
const validationBatchSize = 3;
/** five positions of a vocabulary */
const logitsAtOnce = 5 * sizes.vocabularySize;

test.each([2, validationBatchSize, batchSize])('of %i rows the logits are made in several parts with a remainder', (rows) => {
  const parts = positionRanges({ positions: rows * sizes.sequenceLength, vocabularySize: sizes.vocabularySize, most: logitsAtOnce }).map(({ size }) => size);
  expect(parts.length).toBeGreaterThan(3);
  expect(parts[parts.length - 1]).toBeLessThan(parts[0]);
});

test.each([
  ['gpt-neox', {}],
  ['llama, in micro-batches', { model: llama, microBatchSize: 2 }],
  ['blocks computed again', { recompute: 'blocks' }],
] as const)('a training step of logits in parts is the one of all at once, %s', async (_, settings) => {
  const run = async (spec: TrainingSpec) => {
    const program = await createTrainingProgram(spec);
    try {
      program.setState(initialState(program.getState(), spec.model));
      const figures = program.step({ ids: tokens(batchSize, 'step'), learningRate: 1e-3, update: 1 });
      return { ...figures, gradients: under(program.getState(), 'adam.m/'), digest: program.digest };
    } finally {
      program.dispose();
    }
  };
  const spec = { ...trainingSpec(MODE), model, ...settings };
  const [whole, parts] = [await run(spec), await run({ ...spec, logitsAtOnce })];
  expect(parts.digest, 'the program is another one').not.toBe(whole.digest);
  expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(1e-6);
  expect(Math.abs(parts.gradientNorm / whole.gradientNorm - 1)).toBeLessThan(1e-6);
  expect(difference(parts.gradients, whole.gradients)).toBeLessThan(2e-6);
}, 120_000);

test.each([
  ['Hessian', { steps: 1, method: 'gd', start: 'release' }],
  ['Gauss-Newton', { steps: 2, method: 'cg', start: 'zero', curvature: 'gauss-newton' }],
] as const)('inner and outer step of logits in parts are those of all at once, a solver of %s products', async (_, solver) => {
  const run = async (spec: BilevelSpec) => {
    const program = await createBilevelProgram(spec);
    try {
      program.setState(initialState(program.getState()));
      const outer = program.outerStep({ validationIds: tokens(validationBatchSize, 'validation'), validationMask: mask(validationBatchSize), ids: tokens(batchSize, 'outer'), learningRate: 1e-3, update: 1, proxyUpdates: 1, first: true });
      const inner = program.innerStep({ ids: tokens(batchSize, 'inner'), learningRate: 1e-3, update: 1, first: true });
      const state = program.getState();
      return { outer, inner, digest: program.digest, z: under(state, 'z/'), lower: under(state, 'proxy.adam.m/'), upper: under(state, 'score.adam.m/') };
    } finally {
      program.dispose();
    }
  };
  // weighed so that the divergence is no small part of G, nor of its curvature
  const spec = bilevelSpec(MODE, { klWeight: 1, validationBatchSize, solver });
  const [whole, parts] = [await run(spec), await run({ ...spec, logitsAtOnce })];
  expect(parts.digest, 'the program is another one').not.toBe(whole.digest);
  for (const name of ['lowerLoss', 'weightedCrossEntropy', 'kl', 'gradientNorm'] as const) expect(Math.abs(parts.inner[name] / whole.inner[name] - 1), name).toBeLessThan(3e-6);
  for (const name of ['upperLoss', 'zNorm', 'residualNorm', 'hypergradientNorm'] as const) expect(Math.abs(parts.outer[name] / whole.outer[name] - 1), name).toBeLessThan(1e-5);
  expect(difference(parts.outer.alignment, whole.outer.alignment)).toBeLessThan(1e-5);
  for (const group of ['z', 'lower', 'upper'] as const) expect(difference(parts[group], whole[group]), group).toBeLessThan(1e-5);
}, 240_000);

// what they come to is held against float64 in programs.test.ts and influence.test.ts: here, that parts are made at all
test.each([
  ['evaluation', (settings: object) => createEvaluationProgram({ model, ...sizes, batchSize, mode: MODE, ...settings })],
  ['probing', (settings: object) => createProbingProgram({ model, ...sizes, validationBatchSize, adam: trainingSpec(MODE).adam, gradientClip: 1, mode: MODE, ...settings })],
] as const)('%s with logits in parts is another program than at once, and by its default the same', async (_, create) => {
  const digestOf = async (settings: object): Promise<string> => {
    const program = await create(settings);
    program.dispose();
    return program.digest;
  };
  const whole = await digestOf({});
  expect(await digestOf({ logitsAtOnce: LOGITS_AT_ONCE })).toBe(whole);
  expect(await digestOf({ logitsAtOnce })).not.toBe(whole);
});

const under = (state: NamedArrays, prefix: string): number[] => Object.entries(state).flatMap(([name, array]) => (name.startsWith(prefix) ? [...array] : []));
