import type { ModelConfig } from '../../config/sections/models.js';
import { createModel, createScoreModel, type ScoreFeatures } from '../models/index.js';
import { Program, type ProgramOptions } from '../tensor/index.js';
import { compiledProgram, floatsOf } from './compiled-program.js';
import { featureInputs, tokenIds } from './input-specs.js';
import { productsOf, type Precision } from './precision.js';
import { declareGroup, readGroup } from './state-variables.js';
import type { ScoringProgram } from './types.js';

/** Plain JSON: equal specifications share a program. */
export interface ScoringSpec {
  /** the proxy's, whose backbone the score model has */
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly batchSize: number;
  /** of the score model; absent: it has none */
  readonly features?: ScoreFeatures;
  readonly precision?: Precision;
  readonly mode: ProgramOptions['mode'];
}

/** Logits of the score model, before the sigmoid, for batches of a fixed size.  @see method §4, step 3 */
export async function createScoringProgram({ model, vocabularySize, sequenceLength, batchSize, features: has, precision = 'float32', mode }: ScoringSpec): Promise<ScoringProgram> {
  const scoreModel = createScoreModel(createModel(model), has);
  const shapes = scoreModel.shapes(vocabularySize);
  const program = new Program('scoring', { mode });
  declareGroup(program, '', shapes);
  program.entry('score', { ids: tokenIds(batchSize, sequenceLength), ...featureInputs(batchSize, has) }, ({ ids, features }, io) => {
    return { logits: scoreModel.logits({ params: readGroup(io, '', shapes), ids, features }) };
  }, { products: productsOf(precision) });
  await program.build();
  return { ...compiledProgram(program), score: (ids, features) => floatsOf(program.call('score', { ids, ...(features === undefined ? {} : { features }) }), 'logits') };
}
