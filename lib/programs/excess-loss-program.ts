import { createModel, LOGITS_AT_ONCE, perSampleLoss } from '../models/index.js';
import { Program, tf } from '../tensor/index.js';
import { compiledProgram, floatsOf } from './compiled-program.js';
import type { EvaluationSpec } from './evaluation-program.js';
import { tokenIds } from './input-specs.js';
import { declareGroup, readGroup } from './state-variables.js';
import type { ExcessLossProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export type ExcessLossSpec = EvaluationSpec;

/** Losses of rows under two models of one architecture, in float32 at any precision: their difference is small.  @see method §9 */
export async function createExcessLossProgram({ model: config, vocabularySize, sequenceLength, batchSize, logitsAtOnce = LOGITS_AT_ONCE, mode }: ExcessLossSpec): Promise<ExcessLossProgram> {
  const model = createModel(config, { logitsAtOnce });
  const shapes = model.shapes(vocabularySize);
  const program = new Program('excess-loss', { mode });
  declareGroup(program, 'prior', shapes);
  declareGroup(program, 'conditional', shapes);
  program.entry('score', { ids: tokenIds(batchSize, sequenceLength) }, ({ ids }, io) => {
    const lossOf = (group: string) => perSampleLoss({ model, params: readGroup(io, group, shapes), ids, causal: true });
    const loss = lossOf('prior');
    return { loss, excess: tf.sub(loss, lossOf('conditional')) };
  });
  await program.build();
  return {
    ...compiledProgram(program),
    score: (ids) => {
      const outputs = program.call('score', { ids });
      return { loss: floatsOf(outputs, 'loss'), excess: floatsOf(outputs, 'excess') };
    },
  };
}
