import type { z } from 'zod';
import type { ModelConfig } from '../../config/sections/models.js';
import type { adamSchema } from '../../config/sections/training.js';
import { createModel } from '../models/index.js';
import { biasCorrections, trainingStep } from '../optim/index.js';
import { Program, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, numberOf } from './compiled-program.js';
import { adamInputs, tokenIds } from './input-specs.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, momentGroups, readGroup, readMoments } from './state-variables.js';
import type { TrainingProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface TrainingSpec {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** rows a step */
  readonly batchSize: number;
  readonly adam: z.infer<typeof adamSchema>;
  readonly gradientClip: number;
  readonly mode: ProgramOptions['mode'];
}

/** Next-token training of a language model: one call a step.  @see method §5 */
export async function createTrainingProgram(spec: TrainingSpec): Promise<TrainingProgram> {
  const { vocabularySize, sequenceLength, batchSize, adam, gradientClip, mode } = spec;
  const model = createModel(spec.model);
  const shapes = model.shapes(vocabularySize);
  const moments = momentGroups();
  const program = new Program('training', { mode });
  declareGroup(program, 'params', shapes);
  declareMoments(program, moments, shapes);
  program.entry('step', { ids: tokenIds(batchSize, sequenceLength), ...adamInputs }, ({ ids, learningRate, c1, c2 }, io) => {
    const result = trainingStep({
      model,
      params: readGroup(io, 'params', shapes),
      moments: readMoments(io, moments, shapes),
      ids,
      learningRate,
      corrections: { c1, c2 },
      gradientClip,
      adam,
    });
    assignGroup(io, 'params', result.params);
    assignMoments(io, moments, result.moments);
    return { loss: result.loss, gradientNorm: result.gradientNorm };
  });
  await program.build();

  return {
    ...compiledProgram(program),
    step: ({ ids, learningRate, update }) => {
      const outputs = program.call('step', { ids, learningRate, ...biasCorrections(update, adam) });
      return { loss: numberOf(outputs, 'loss'), gradientNorm: numberOf(outputs, 'gradientNorm') };
    },
  };
}
