import type { ModelConfig } from '../../config/sections/models.js';
import { createModel, LOGITS_AT_ONCE, nextTokenLosses } from '../models/index.js';
import { biasCorrections, lossAndGradients, update, type AdamSettings } from '../optim/index.js';
import { Program, tf, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, floatsOf, numberOf } from './compiled-program.js';
import { adamInputs, tokenIds } from './input-specs.js';
import { productsOf, type Precision } from './precision.js';
import { assignGroup, declareGroup, declareMoments, isWithin, momentGroups, PARAMS, readGroup, readMoments } from './state-variables.js';
import type { ProbingProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface ProbingSpec {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** validation examples at once */
  readonly validationBatchSize: number;
  readonly adam: AdamSettings;
  readonly gradientClip: number;
  /** of the step; validation, whose small differences are the result, is float32 in any case */
  readonly precision?: Precision;
  /** compute each block again in the backward pass instead of keeping its activations */
  readonly recompute?: 'none' | 'blocks';
  /** elements of the logits held at once. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
  readonly mode: ProgramOptions['mode'];
}

/** weights after a probe's step, beside the state; no part of it, since they are made anew by every probe */
const PROBED = 'probed';

/**
 * Steps that are tried and not taken: a probe leaves weights and moments as they are and puts the weights that its step would make beside them, so
 * that nothing is brought back before the next one.  @see method §9
 */
export async function createProbingProgram(spec: ProbingSpec): Promise<ProbingProgram> {
  const { vocabularySize, sequenceLength, validationBatchSize, adam, gradientClip, mode, precision = 'float32', recompute = 'none', logitsAtOnce = LOGITS_AT_ONCE } = spec;
  const model = createModel(spec.model, { recomputeBlocks: recompute === 'blocks', logitsAtOnce });
  const shapes = model.shapes(vocabularySize);
  const groups = momentGroups();
  const program = new Program('probing', { mode });
  declareGroup(program, PARAMS, shapes);
  declareMoments(program, groups, shapes);
  declareGroup(program, PROBED, shapes);

  program.entry('probe', { ids: tokenIds(1, sequenceLength), ...adamInputs }, ({ ids, learningRate, c1, c2 }, io) => {
    const params = readGroup(io, PARAMS, shapes);
    const { loss, gradients } = lossAndGradients({ model, params, ids });
    const { params: probed, gradientNorm } = update({ params, moments: readMoments(io, groups, shapes), gradients, learningRate, corrections: { c1, c2 }, gradientClip, adam });
    assignGroup(io, PROBED, probed);
    return { loss, gradientNorm };
  }, { products: productsOf(precision) });
  program.entry('withdraw', {}, (_, io) => {
    assignGroup(io, PROBED, readGroup(io, PARAMS, shapes));
    return { one: tf.scalar(1) }; // an entry gives something
  });
  program.entry('validate', { ids: tokenIds(validationBatchSize, sequenceLength), mask: { shape: [validationBatchSize, sequenceLength], dtype: 'float32' } }, ({ ids, mask }, io) => {
    const losses = nextTokenLosses({ model, params: readGroup(io, PROBED, shapes), ids, causal: true });
    // loss t is about token t + 1
    const counted = tf.slice(mask, [0, 1], [validationBatchSize, sequenceLength - 1]);
    return { sums: tf.sum(tf.mul(losses, counted), 1) };
  });
  await program.build();

  return {
    ...compiledProgram(program, (name) => isWithin(PROBED, name)),
    probe: ({ ids, learningRate, update: count }) => {
      const outputs = program.call('probe', { ids, learningRate, ...biasCorrections(count, adam) });
      return { loss: numberOf(outputs, 'loss'), gradientNorm: numberOf(outputs, 'gradientNorm') };
    },
    withdraw: () => void program.call('withdraw', {}),
    validate: ({ ids, mask }) => floatsOf(program.call('validate', { ids, mask }), 'sums'),
  };
}
