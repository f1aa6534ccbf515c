import type { RunConfig } from '../../config/schema.js';
import type { ModelConfig } from '../../config/sections/models.js';
import type { FeatureName } from '../../config/tables/selectors.js';
import { zSolvers } from '../bilevel/index.js';
import { createModel, createScoreModel, flopsPerToken, parameterCount } from '../models/index.js';
import { inParts, scoreFeatures } from '../programs/index.js';
import { RANKED_ROWS } from './ranked-rows.js';
import type { Work } from './types.js';

/** Forward passes that a row's feature takes. */
const PASSES: Readonly<Record<FeatureName, { readonly proxy: number; readonly target: number }>> = {
  color: { proxy: 2, target: 0 },
  'color-target': { proxy: 0, target: 2 },
  dsir: { proxy: 0, target: 0 },
  'quality-classifier': { proxy: 0, target: 0 },
  'perplexity-low': { proxy: 1, target: 0 },
};

/**
 * In forward passes: inner step 3 of the proxy, 1 of target and score model; outer step 3 for ∇F, 3 for all a_i, 3 of the score model, and 3 and 6
 * a product with H.  @see docs/performance.md
 */
export function bilevelWork({ bilevel: hyper, models, data: { sequenceLength, rowsPerGroup } }: RunConfig): Work {
  const { outerSteps, innerSteps, batchSize, validationBatchSize, solver, stopAt } = hyper;
  const { vocabularySize } = models;
  const forward = (model: ModelConfig): number => sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward;
  const proxy = forward(models.proxy);
  const target = forward(models.target);
  const features = scoreFeatures(hyper);
  const score = features?.backbone === false ? 0 : proxy - sequenceLength * 2 * vocabularySize * models.proxy.width;
  const products = zSolvers[solver.method].products(solver);
  const inner = innerSteps * batchSize * (3 * proxy + target + score);
  // in parts the scores of all rows come before any of them is differentiated
  const again = inParts(hyper) ? score : 0;
  const outer = 3 * validationBatchSize * proxy + batchSize * (3 * proxy + 3 * score + again + (products === 0 ? 0 : target + 3 * proxy + 6 * products * proxy));
  const proxyModel = createModel(models.proxy);
  const kept = parameterCount(createScoreModel(proxyModel, features).shapes(vocabularySize)) + parameterCount(proxyModel.shapes(vocabularySize));
  const rankings = stopAt === undefined ? 0 : Math.floor(outerSteps / stopAt.every) * RANKED_ROWS * score;
  return {
    amount: outerSteps * batchSize * (innerSteps + 1),
    unit: 'rows',
    flops: outerSteps * (inner + outer) + rankings + ratingFlops({ bilevel: hyper, models, data: { sequenceLength, rowsPerGroup } }),
    bytes: 4 * kept,
    ...(stopAt !== undefined && stopAt.rankCorrelation < 1 ? { atMost: true } : {}),
  };
}

/** Of rating the rows of a group for the score model's features: before the steps, whose rate does not tell of it. */
export function ratingFlops({ bilevel: { score: { features = [] } }, models, data: { sequenceLength, rowsPerGroup } }: { readonly bilevel: RunConfig['bilevel']; readonly models: RunConfig['models']; readonly data: Pick<RunConfig['data'], 'sequenceLength' | 'rowsPerGroup'> }): number {
  const forward = (model: ModelConfig): number => sequenceLength * flopsPerToken({ model, vocabularySize: models.vocabularySize, sequenceLength }).forward;
  return rowsPerGroup * features.reduce((sum, name) => sum + PASSES[name].proxy * forward(models.proxy) + PASSES[name].target * forward(models.target), 0);
}
