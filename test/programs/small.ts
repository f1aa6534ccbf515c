import { bilevelSchema } from '../../config/sections/bilevel.js';
import { modelSchema } from '../../config/sections/models.js';
import { createModel, createScoreModel } from '../../lib/models/index.js';
import { bilevelProgramSettings, type BilevelSpec, type TrainingSpec } from '../../lib/programs/index.js';
import { randomStream } from '../../lib/random.js';
import type { NamedArrays, ProgramOptions } from '../../lib/tensor/index.js';

/** A model small enough to compile in a second. */
export const sizes = { vocabularySize: 48, sequenceLength: 12 };
export const model = modelSchema.parse({ architecture: 'gpt-neox', layers: 1, width: 16, heads: 2, initStandardDeviation: 0.1 });
/** the same in LLaMA's architecture, two queries to a key head */
export const llama = modelSchema.parse({ architecture: 'llama', layers: 1, width: 16, heads: 4, keyValueHeads: 2, intermediate: 40, tieEmbeddings: true, initStandardDeviation: 0.1 });
export const batchSize = 4;
type Mode = ProgramOptions['mode'];

export const trainingSpec = (mode: Mode): TrainingSpec => ({
  model,
  ...sizes,
  batchSize,
  adam: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  gradientClip: 1,
  mode,
});

export const bilevelSpec = (mode: Mode, section: object = {}): BilevelSpec => ({
  proxy: model,
  target: model,
  ...sizes,
  bilevel: bilevelProgramSettings(bilevelSchema.parse({ batchSize, validationBatchSize: 3, klWeight: 0.05, solver: { steps: 2 }, ...section })),
  mode,
});

const prefixed = (prefix: string, arrays: NamedArrays): NamedArrays => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}/${name}`, array]));

export const weights = (seed: string, of = model): NamedArrays => createModel(of).init({ vocabularySize: sizes.vocabularySize, seed });
export const scoreWeights = (seed: string, of = model): NamedArrays =>
  createScoreModel(createModel(of)).fromProxy({ proxy: weights(seed, of), vocabularySize: sizes.vocabularySize, seed });

/** initial state for the names that a program holds: weights of their own seeds, zeros else */
export function initialState(zeros: NamedArrays, of = model): NamedArrays {
  const given: NamedArrays = {
    ...prefixed('params', weights('a', of)),
    ...prefixed('proxy', weights('a', of)),
    ...prefixed('target', weights('b', of)),
    ...prefixed('score', scoreWeights('a', of)),
    'normaliser/sum': Float32Array.of(1),
  };
  return Object.fromEntries(Object.entries(zeros).map(([name, zero]) => [name, given[name] ?? zero]));
}

export function tokens(n: number, ...key: (string | number)[]): Int32Array {
  const random = randomStream('tokens', ...key);
  return Int32Array.from({ length: n * sizes.sequenceLength }, () => random.below(sizes.vocabularySize));
}
export function mask(n: number): Float32Array {
  const random = randomStream('mask');
  return Float32Array.from({ length: n * sizes.sequenceLength }, () => (random.uniform() < 0.2 ? 1 : 0));
}

/** relative to the largest element of the reference */
export function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const scale = Math.max(1e-6, ...Array.from(wanted, Math.abs));
  return Math.max(0, ...Array.from(wanted, (value, i) => Math.abs(found[i] - value))) / scale;
}
