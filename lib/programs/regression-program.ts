import type { ModelConfig } from '../../config/sections/models.js';
import { regressionLoss } from '../influence/index.js';
import { createModel, createScoreModel } from '../models/index.js';
import { biasCorrections, update, type AdamSettings } from '../optim/index.js';
import { Program, valueAndGradients, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, floatsOf, numberOf } from './compiled-program.js';
import { adamInputs, tokenIds } from './input-specs.js';
import { productsOf, type Precision } from './precision.js';
import { assignGroup, assignMoments, declareGroup, declareMoments, momentGroups, readGroup, readMoments } from './state-variables.js';
import type { RegressionProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface RegressionSpec {
  /** the proxy's, whose backbone the influence model has */
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly adam: AdamSettings;
  readonly gradientClip: number;
  readonly precision?: Precision;
  /** compute each block again in the backward pass instead of keeping its activations */
  readonly recompute?: 'none' | 'blocks';
  readonly mode: ProgramOptions['mode'];
}

/** A score model fitted to given values of rows: AdamW on the mean squared error, the gradient clipped to a global norm.  @see method §9 */
export async function createRegressionProgram(spec: RegressionSpec): Promise<RegressionProgram> {
  const { vocabularySize, sequenceLength, batchSize, adam, gradientClip, mode, precision = 'float32', recompute = 'none' } = spec;
  const model = createScoreModel(createModel(spec.model, { recomputeBlocks: recompute === 'blocks' }));
  const shapes = model.shapes(vocabularySize);
  const groups = momentGroups('score');
  const options = { products: productsOf(precision) };
  const program = new Program('regression', { mode });
  declareGroup(program, 'score', shapes);
  declareMoments(program, groups, shapes);

  program.entry('fit', { ids: tokenIds(batchSize, sequenceLength), targets: { shape: [batchSize], dtype: 'float32' }, ...adamInputs }, ({ ids, targets, learningRate, c1, c2 }, io) => {
    const params = readGroup(io, 'score', shapes);
    const { value: loss, gradients } = valueAndGradients((weights) => regressionLoss({ model, params: weights, ids, targets }), params);
    const result = update({ params, moments: readMoments(io, groups, shapes), gradients, learningRate, corrections: { c1, c2 }, gradientClip, adam });
    assignGroup(io, 'score', result.params);
    assignMoments(io, groups, result.moments);
    return { loss, gradientNorm: result.gradientNorm };
  }, options);
  program.entry('predict', { ids: tokenIds(batchSize, sequenceLength) }, ({ ids }, io) => ({ logits: model.logits({ params: readGroup(io, 'score', shapes), ids }) }), options);
  await program.build();

  return {
    ...compiledProgram(program),
    fit: ({ ids, targets, learningRate, update: count }) => {
      const outputs = program.call('fit', { ids, targets, learningRate, ...biasCorrections(count, adam) });
      return { loss: numberOf(outputs, 'loss'), gradientNorm: numberOf(outputs, 'gradientNorm') };
    },
    predict: (ids) => floatsOf(program.call('predict', { ids }), 'logits'),
  };
}
