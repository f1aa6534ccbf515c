import type { ModelConfig } from '../../config/sections/models.js';
import { createModel, linear } from '../models/index.js';
import { crossEntropy, Program, tf, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, floatsOf, integersOf } from './compiled-program.js';
import { tokenIds } from './input-specs.js';
import { declareGroup, readGroup } from './state-variables.js';
import type { LogLikelihoodProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface LogLikelihoodSpec {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly mode: ProgramOptions['mode'];
}

/** Predictions whose logits are made at once, of a batch's positions: the smaller, the less is made for nothing in the last part; the larger, the faster the product. */
const PART = 1 / 8;
const LARGEST_PART = 1024;
/** no variable of a model is called like this */
const HIDDEN = 'hidden states of the batch';

/** What a model says of chosen tokens at chosen positions: of the others no logits are made, which are most of a small model's work. */
export async function createLogLikelihoodProgram({ model: config, vocabularySize, sequenceLength, batchSize, mode }: LogLikelihoodSpec): Promise<LogLikelihoodProgram> {
  const model = createModel(config);
  const shapes = model.shapes(vocabularySize);
  const positions = batchSize * sequenceLength;
  const part = Math.max(1, Math.min(LARGEST_PART, Math.ceil(positions * PART)));
  const program = new Program('log-likelihood', { mode });
  declareGroup(program, '', shapes);
  program.variable(HIDDEN, [config.width, positions]);
  program.entry('read', { ids: tokenIds(batchSize, sequenceLength) }, ({ ids }, io) => {
    const hidden = model.hidden({ params: readGroup(io, '', shapes), ids, causal: true });
    io.assign(HIDDEN, hidden);
    return { one: tf.slice(hidden, [0, 0], [1, 1]) }; // an entry gives something
  });
  const integers = { shape: [part], dtype: 'int32' } as const;
  program.entry('predict', { at: integers, tokens: integers }, ({ at, tokens }, io) => {
    const logits = linear(tf.gather(io.read(HIDDEN), at, 1), model.outputWeight(readGroup(io, '', shapes)));
    return { negativeLogLikelihood: crossEntropy(logits, tokens), correct: tf.cast(tf.equal(tf.argMax(logits, 0), tokens), 'int32') };
  });
  await program.build();
  return {
    ...compiledProgram(program, (name) => name === HIDDEN),
    predict: ({ ids, at, tokens }) => {
      program.call('read', { ids });
      const negativeLogLikelihood = new Float32Array(at.length);
      const correct = new Int32Array(at.length);
      for (let start = 0; start < at.length; start += part) {
        const size = Math.min(part, at.length - start);
        const padded = (values: Int32Array): Int32Array => {
          const whole = new Int32Array(part);
          whole.set(values.subarray(start, start + size));
          return whole;
        };
        const outputs = program.call('predict', { at: padded(at), tokens: padded(tokens) });
        negativeLogLikelihood.set(floatsOf(outputs, 'negativeLogLikelihood').subarray(0, size), start);
        correct.set(integersOf(outputs, 'correct').subarray(0, size), start);
      }
      return { negativeLogLikelihood, correct };
    },
  };
}
