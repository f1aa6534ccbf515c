import type { RunConfig } from '../../../config/schema.js';
import type { ModelConfig } from '../../../config/sections/models.js';
import { zSolvers } from '../../bilevel/index.js';
import { regressionSteps } from '../../influence/index.js';
import { createModel, createScoreModel, flopsPerToken, parameterCount } from '../../models/index.js';
import type { StageInputs, StageName } from '../types.js';

/** How much there is to do in a stage, and to keep of it. */
export interface Work {
  /** what its rate counts */
  readonly amount: number;
  readonly unit: 'tokens' | 'rows' | 'weights';
  /** of matrix products; 0 for stages without tensors */
  readonly flops: number;
  /** of what it leaves behind, about */
  readonly bytes: number;
}

const TOKEN_BYTES = 4;
/** 10,000 weights as text */
const LEXICAL_BYTES = 200_000;
/** weights and AdamW's two moments, float32 */
const STATE_BYTES = 12;

export function workOf<Name extends StageName>(name: Name, input: StageInputs[Name], config: RunConfig): Work {
  const rules: { readonly [N in StageName]: (input: StageInputs[N], config: RunConfig) => Work } = { prepare, selection, importing, training, bilevel, lexical, mates, scoring, evaluation, report };
  return rules[name](input, config);
}

function prepare({ data, groups }: StageInputs['prepare']): Work {
  const rows = data.rowsPerGroup * groups;
  return { amount: rows, unit: 'rows', flops: 0, bytes: rows * data.sequenceLength * TOKEN_BYTES };
}

function selection({ fraction, ids }: StageInputs['selection'], { data, rounds }: RunConfig): Work {
  return { amount: ids === undefined ? data.rowsPerGroup : data.rowsPerGroup * (rounds + 1), unit: 'rows', flops: 0, bytes: data.rowsPerGroup * fraction * data.sequenceLength * TOKEN_BYTES };
}

function importing({ model, vocabularySize }: StageInputs['importing']): Work {
  const weights = parameters(model, vocabularySize);
  return { amount: weights, unit: 'weights', flops: 0, bytes: STATE_BYTES * weights };
}

function training({ model, vocabularySize, sequenceLength, steps, batchSize }: StageInputs['training']): Work {
  const tokens = steps * batchSize * sequenceLength;
  return { amount: tokens, unit: 'tokens', flops: tokens * flopsPerToken({ model, vocabularySize, sequenceLength }).training, bytes: STATE_BYTES * parameters(model, vocabularySize) };
}

/**
 * In forward passes: inner step 3 of the proxy, 1 of target and score model; outer step 3 for ∇F, 3 for all a_i, 3 of the score model, and 3 and 6
 * a product with H.  @see docs/performance.md
 */
function bilevel({ bilevel: hyper, models, sequenceLength }: StageInputs['bilevel']): Work {
  const { outerSteps, innerSteps, batchSize, validationBatchSize, solver } = hyper;
  const { vocabularySize } = models;
  const forward = (model: ModelConfig): number => sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward;
  const proxy = forward(models.proxy);
  const target = forward(models.target);
  const score = proxy - sequenceLength * 2 * vocabularySize * models.proxy.width;
  const products = zSolvers[solver.method].products(solver);
  const inner = innerSteps * batchSize * (3 * proxy + target + score);
  const outer = 3 * validationBatchSize * proxy + batchSize * (3 * proxy + 3 * score + (products === 0 ? 0 : target + 3 * proxy + 6 * products * proxy));
  const proxyModel = createModel(models.proxy);
  const kept = parameterCount(createScoreModel(proxyModel).shapes(vocabularySize)) + parameterCount(proxyModel.shapes(vocabularySize));
  return { amount: outerSteps * batchSize * (innerSteps + 1), unit: 'rows', flops: outerSteps * (inner + outer), bytes: 4 * kept };
}

function lexical(_: StageInputs['lexical'], { data }: RunConfig): Work {
  return { amount: data.rowsPerGroup, unit: 'rows', flops: 0, bytes: LEXICAL_BYTES };
}

/**
 * In forward passes: a probe 3 of one row and 1 of each validation example, with the target; a step of the regression 3 of the influence model. What it is held
 * against after each pass is next to nothing. Its rate counts rows that go through a model, as the stage's progress does.
 */
function mates({ mates: settings, models, sequenceLength }: StageInputs['mates']): Work {
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

function scoring({ models, sequenceLength, shards, by }: StageInputs['scoring'], { data }: RunConfig): Work {
  const rows = Math.min(shards.end * data.rowsPerShard, data.rowsPerGroup) - shards.first * data.rowsPerShard;
  return { amount: rows, unit: 'rows', flops: by === 'lexical' ? 0 : rows * sequenceLength * flopsPerToken({ model: models.proxy, vocabularySize: models.vocabularySize, sequenceLength }).forward, bytes: rows * 20 };
}

function evaluation({ model, vocabularySize, sequenceLength, sets }: StageInputs['evaluation'], { heldOut }: RunConfig): Work {
  const rows = sets.reduce((sum, set) => sum + heldOut[set], 0);
  return { amount: rows, unit: 'rows', flops: rows * sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward, bytes: rows * 100 };
}

const report = (): Work => ({ amount: 0, unit: 'rows', flops: 0, bytes: 0 });

const parameters = (model: ModelConfig, vocabularySize: number): number => parameterCount(createModel(model).shapes(vocabularySize));
