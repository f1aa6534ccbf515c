import type { z } from 'zod';
import type { ModelConfig } from '../../config/sections/models.js';
import type { adamSchema } from '../../config/sections/training.js';
import { createModel, LOGITS_AT_ONCE } from '../models/index.js';
import { addNamed, biasCorrections, lossAndGradients, scaleNamed, update, type BiasCorrections } from '../optim/index.js';
import { Program, tf, type EntryIO, type EntryOptions, type NamedTensors, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, numberOf } from './compiled-program.js';
import { adamInputs, scalar, tokenIds } from './input-specs.js';
import { productsOf, type Precision } from './precision.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, isWithin, momentGroups, PARAMS, readGroup, readMoments } from './state-variables.js';
import type { TrainingProgram, TrainingStepFigures, TrainingStepInput } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface TrainingSpec {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** rows a step */
  readonly batchSize: number;
  /** rows at once, a divisor of batchSize: the gradients of a step's micro-batches are added up, whose activations are held one after the other. All at once by default. */
  readonly microBatchSize?: number;
  readonly adam: z.infer<typeof adamSchema>;
  readonly gradientClip: number;
  readonly precision?: Precision;
  /** compute each block again in the backward pass instead of keeping its activations */
  readonly recompute?: 'none' | 'blocks';
  /** elements of the logits held at once. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
  readonly mode: ProgramOptions['mode'];
}

/** the sum of gradients and losses of a step's micro-batches so far; no part of the state, since it is begun anew at every step */
const SUMS = 'sums';
const LOSS = 'loss';

/**
 * Next-token training of a language model: one call a step, or one a micro-batch. A step of m micro-batches is a step of the mean of their
 * gradients, which is the gradient of the mean: rows are equally long.  @see method §5
 */
export async function createTrainingProgram(spec: TrainingSpec): Promise<TrainingProgram> {
  const { vocabularySize, sequenceLength, batchSize, microBatchSize = batchSize, adam, gradientClip, mode, precision = 'float32', recompute = 'none', logitsAtOnce = LOGITS_AT_ONCE } = spec;
  if (batchSize % microBatchSize !== 0) throw new RangeError(`micro-batches of ${microBatchSize} rows do not make up a batch of ${batchSize}`);
  const parts = batchSize / microBatchSize;
  const model = createModel(spec.model, { recomputeBlocks: recompute === 'blocks', logitsAtOnce });
  const shapes = model.shapes(vocabularySize);
  const moments = momentGroups();
  const options: EntryOptions = { products: productsOf(precision) };
  const program = new Program('training', { mode });
  declareGroup(program, PARAMS, shapes);
  declareMoments(program, moments, shapes);
  if (parts > 1) declareGroup(program, SUMS, { ...shapes, [LOSS]: [] });

  const apply = (io: EntryIO, gradients: NamedTensors, learningRate: BiasCorrections['c1'], corrections: BiasCorrections) => {
    const result = update({ params: readGroup(io, PARAMS, shapes), moments: readMoments(io, moments, shapes), gradients, learningRate, corrections, gradientClip, adam });
    assignGroup(io, PARAMS, result.params);
    assignMoments(io, moments, result.moments);
    return { gradientNorm: result.gradientNorm };
  };

  if (parts === 1) {
    program.entry('step', { ids: tokenIds(batchSize, sequenceLength), ...adamInputs }, ({ ids, learningRate, c1, c2 }, io) => {
      const { loss, gradients } = lossAndGradients({ model, params: readGroup(io, PARAMS, shapes), ids });
      return { loss, ...apply(io, gradients, learningRate, { c1, c2 }) };
    }, options);
  } else {
    program.entry('accumulate', { ids: tokenIds(microBatchSize, sequenceLength), first: scalar }, ({ ids, first }, io) => {
      const { loss, gradients } = lossAndGradients({ model, params: readGroup(io, PARAMS, shapes), ids });
      const before = readGroup(io, SUMS, { ...shapes, [LOSS]: [] });
      const sums = addNamed({ ...gradients, [LOSS]: loss }, scaleNamed(before, tf.sub(1, first)));
      assignGroup(io, SUMS, sums);
      return { loss };
    }, options);
    program.entry('update', adamInputs, ({ learningRate, c1, c2 }, io) => {
      const gradients = scaleNamed(readGroup(io, SUMS, shapes), 1 / parts);
      return { loss: tf.div(io.read(`${SUMS}/${LOSS}`), parts), ...apply(io, gradients, learningRate, { c1, c2 }) };
    }, options);
  }
  await program.build();

  const size = microBatchSize * sequenceLength;
  const add = (ids: Int32Array, part: number): void => void program.call('accumulate', { ids: ids.subarray(part * size, (part + 1) * size), first: part === 0 ? 1 : 0 });
  const finish = ({ ids, learningRate, update: count }: TrainingStepInput): TrainingStepFigures => {
    const inputs = { learningRate, ...biasCorrections(count, adam) };
    const outputs = parts === 1 ? program.call('step', { ids, ...inputs }) : program.call('update', inputs);
    return { loss: numberOf(outputs, 'loss'), gradientNorm: numberOf(outputs, 'gradientNorm') };
  };
  return {
    ...compiledProgram(program, (name) => isWithin(SUMS, name)),
    step: (input) => {
      if (parts > 1) for (let part = 0; part < parts; part++) add(input.ids, part);
      return finish(input);
    },
    stepInParts: async (input, goesOn) => {
      if (parts > 1) {
        for (let part = 0; part < parts; part++) {
          if (part > 0 && !(await goesOn(part))) return undefined;
          add(input.ids, part);
        }
      }
      return finish(input);
    },
  };
}
