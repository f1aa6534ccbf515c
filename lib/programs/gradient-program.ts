import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { createModel, LOGITS_AT_ONCE, nextTokenLosses, type TokenIds } from '../models/index.js';
import { addNamed, globalNorm, scaleNamed } from '../optim/index.js';
import { innerProduct, Program, tf, valueAndGradients, type NamedTensors } from '../tensor/index.js';
import { compiledProgram, numberOf } from './compiled-program.js';
import type { EvaluationSpec } from './evaluation-program.js';
import { tokenIds } from './input-specs.js';
import { assignGroup, declareGroup, readGroup } from './state-variables.js';
import type { GradientProgram } from './types.js';

/** Plain JSON: equal specifications share a program. One row at a time. */
export type GradientSpec = Omit<EvaluationSpec, 'batchSize'>;

/** keeps the quotient finite where a gradient is zero */
const LEAST_NORM = 1e-12;

/** Gradients of single rows, of which nothing but a sum of directions and cosines with it is kept; float32 at any precision.  @see method §9 */
export async function createGradientProgram({ model: config, vocabularySize, sequenceLength, logitsAtOnce = LOGITS_AT_ONCE, mode }: GradientSpec): Promise<GradientProgram> {
  const model = createModel(config, { logitsAtOnce });
  const shapes = model.shapes(vocabularySize);
  const program = new Program('gradient', { mode });
  declareGroup(program, 'params', shapes);
  declareGroup(program, 'reference', shapes);
  const row = { ids: tokenIds(1, sequenceLength), mask: { shape: [1, sequenceLength], dtype: 'float32' } } as const;
  const gradientOf = (params: NamedTensors, { ids, mask }: { readonly ids: TokenIds; readonly mask: Tensor }): NamedTensors =>
    valueAndGradients((at) => {
      // loss t is about token t + 1
      const counted = tf.slice(mask, [0, 1], [1, sequenceLength - 1]);
      return tf.div(tf.sum(tf.mul(nextTokenLosses({ model, params: at, ids, causal: true }), counted)), tf.sum(counted));
    }, params).gradients;

  program.entry('gather', row, ({ ids, mask }, io) => {
    const gradient = gradientOf(readGroup(io, 'params', shapes), { ids, mask });
    const norm = globalNorm(gradient);
    assignGroup(io, 'reference', addNamed(readGroup(io, 'reference', shapes), scaleNamed(gradient, tf.div(1, tf.maximum(norm, LEAST_NORM)))));
    return { norm };
  });
  program.entry('compare', row, ({ ids, mask }, io) => {
    const gradient = gradientOf(readGroup(io, 'params', shapes), { ids, mask });
    return { product: tf.div(innerProduct(gradient, readGroup(io, 'reference', shapes)), tf.maximum(globalNorm(gradient), LEAST_NORM)) };
  });
  await program.build();
  return {
    ...compiledProgram(program),
    gather: (input) => numberOf(program.call('gather', input), 'norm'),
    compare: (input) => numberOf(program.call('compare', input), 'product'),
  };
}
