import type { ModelConfig } from '../../config/sections/models.js';
import { createModel, nextTokenLosses } from '../models/index.js';
import { Program, tf, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, floatsOf, integersOf } from './compiled-program.js';
import { tokenIds } from './input-specs.js';
import { declareGroup, readGroup } from './state-variables.js';
import type { EvaluationProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface EvaluationSpec {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly mode: ProgramOptions['mode'];
}

/** Losses and hits position by position; which of them count is the caller's to say. */
export async function createEvaluationProgram({ model: config, vocabularySize, sequenceLength, batchSize, mode }: EvaluationSpec): Promise<EvaluationProgram> {
  const model = createModel(config);
  const shapes = model.shapes(vocabularySize);
  const predicting: [number, number] = [batchSize, sequenceLength - 1];
  const program = new Program('evaluation', { mode });
  declareGroup(program, '', shapes);
  program.entry('evaluate', { ids: tokenIds(batchSize, sequenceLength) }, ({ ids }, io) => {
    const logits = model.logits({ params: readGroup(io, '', shapes), ids, causal: true });
    const likeliest = tf.reshape(tf.argMax(logits, -1), [batchSize, sequenceLength]);
    const correct = tf.equal(tf.slice(likeliest, [0, 0], predicting), tf.slice(ids, [0, 1], predicting));
    return { negativeLogLikelihood: nextTokenLosses({ logits, ids }), correct: tf.cast(correct, 'int32') };
  });
  await program.build();
  return {
    ...compiledProgram(program),
    evaluate: (ids) => {
      const outputs = program.call('evaluate', { ids });
      return { negativeLogLikelihood: floatsOf(outputs, 'negativeLogLikelihood'), correct: integersOf(outputs, 'correct') };
    },
  };
}
