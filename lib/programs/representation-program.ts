import { createModel } from '../models/index.js';
import { Program, tf } from '../tensor/index.js';
import { compiledProgram, floatsOf } from './compiled-program.js';
import type { EvaluationSpec } from './evaluation-program.js';
import { tokenIds } from './input-specs.js';
import { declareGroup, readGroup } from './state-variables.js';
import type { RepresentationProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export type RepresentationSpec = Omit<EvaluationSpec, 'logitsAtOnce'>;

/** Last hidden states of rows, of one position each, brought to norm 1.  @see method §9 */
export async function createRepresentationProgram({ model: config, vocabularySize, sequenceLength, batchSize, mode }: RepresentationSpec): Promise<RepresentationProgram> {
  const model = createModel(config);
  const shapes = model.shapes(vocabularySize);
  const program = new Program('representation', { mode });
  declareGroup(program, '', shapes);
  program.entry('represent', { ids: tokenIds(batchSize, sequenceLength), at: { shape: [batchSize, sequenceLength], dtype: 'float32' } }, ({ ids, at }, io) => {
    const hidden = tf.reshape(model.hidden({ params: readGroup(io, '', shapes), ids, causal: true }), [config.width, batchSize, sequenceLength]);
    const states = tf.sum(tf.mul(hidden, tf.reshape(at, [1, batchSize, sequenceLength])), 2); // [d, n]
    return { units: tf.transpose(tf.div(states, tf.sqrt(tf.sum(tf.square(states), 0, true)))) };
  });
  await program.build();
  return {
    ...compiledProgram(program),
    represent: ({ ids, positions }) => {
      const at = new Float32Array(batchSize * sequenceLength);
      positions.forEach((position, i) => (at[i * sequenceLength + position] = 1));
      return floatsOf(program.call('represent', { ids, at }), 'units');
    },
  };
}
