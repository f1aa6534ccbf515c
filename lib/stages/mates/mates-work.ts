import type { RunConfig } from '../../../config/schema.js';
import type { ModelConfig } from '../../../config/sections/models.js';
import { regressionSteps } from '../../influence/index.js';
import { createModel, createScoreModel, flopsPerToken, parameterCount } from '../../models/index.js';
import type { Work } from '../types.js';

/**
 * In forward passes: a probe 3 of one row and 1 of each validation example, with the target; a step of the regression 3 of the influence model. What it is held
 * against after each pass is next to nothing. Its rate counts rows that go through a model, as the stage's progress does.
 */
export function matesWork({ mates: settings, models, data: { sequenceLength } }: RunConfig): Work {
  if (settings === undefined) return { amount: 0, unit: 'rows', flops: 0, bytes: 0 }; // then no arm goes by it
  const { probes, validationExamples, batchSize } = settings;
  const { vocabularySize } = models;
  const forward = (model: ModelConfig): number => sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward;
  const target = forward(models.target);
  const score = forward(models.proxy) - sequenceLength * 2 * vocabularySize * models.proxy.width;
  const steps = regressionSteps(settings);
  return {
    amount: probes * (1 + validationExamples) + steps * batchSize,
    unit: 'rows',
    flops: probes * (3 + validationExamples) * target + 3 * steps * batchSize * score,
    bytes: 4 * parameterCount(createScoreModel(createModel(models.proxy)).shapes(vocabularySize)),
  };
}
