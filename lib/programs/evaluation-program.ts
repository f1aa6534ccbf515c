import type { ModelConfig } from '../../config/sections/models.js';
import { createModel, LOGITS_AT_ONCE, nextTokens, overLogits, predictions, projection } from '../models/index.js';
import { crossEntropy, Program, tf, type ProgramOptions } from '../tensor/index.js';
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
  /** elements of the logits held at once. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
  readonly mode: ProgramOptions['mode'];
}

/** Losses and hits position by position; which of them count is the caller's to say. */
export async function createEvaluationProgram({ model: config, vocabularySize, sequenceLength, batchSize, logitsAtOnce = LOGITS_AT_ONCE, mode }: EvaluationSpec): Promise<EvaluationProgram> {
  const model = createModel(config, { logitsAtOnce });
  const shapes = model.shapes(vocabularySize);
  const program = new Program('evaluation', { mode });
  declareGroup(program, '', shapes);
  program.entry('evaluate', { ids: tokenIds(batchSize, sequenceLength) }, ({ ids }, io) => {
    const targets = nextTokens(ids);
    const [losses, hits] = overLogits(projection({ model, params: readGroup(io, '', shapes), ids, causal: true }), (logits, { start, size }) => {
      const wanted = tf.slice(targets, start, size);
      return [crossEntropy(logits, wanted), tf.cast(tf.equal(tf.argMax(logits, 0), wanted), 'int32')];
    });
    return { negativeLogLikelihood: predictions(losses, ids), correct: predictions(hits, ids) };
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
