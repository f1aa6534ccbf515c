import type { RunConfig } from '../../../config/schema.js';
import type { ModelConfig, WhichModel } from '../../../config/sections/models.js';
import { isOwnScore, scoresOnDevice, type ScoredBy } from '../../../config/tables/selectors.js';
import { LEARNING_STAGES, type LearningStageName } from '../../../config/tables/stages.js';
import { createModel, flopsPerToken, parameterCount } from '../../models/index.js';
import { LEARNING } from '../learning.js';
import type { StageInputs, StageName, Work } from '../types.js';

const TOKEN_BYTES = 4;
/** weights and AdamW's two moments, float32 */
const STATE_BYTES = 12;

type Rules = { readonly [Name in StageName]: (input: StageInputs[Name], config: RunConfig) => Work };
/** What such a stage was given of the configuration's sections counts. */
const learning = Object.fromEntries(
  LEARNING_STAGES.map((name) => [name, (input: object, config: RunConfig) => LEARNING[name].work({ ...config, ...Object.fromEntries(Object.entries(input).filter(([section]) => section in config)) })]),
) as Pick<Rules, LearningStageName>; // one each
const rules: Rules = { ...learning, prepare, selection, importing, training, scoring: scoringWork, evaluation, report: () => ({ amount: 0, unit: 'rows', flops: 0, bytes: 0 }) };

/** How much there is to do in one call of a stage. */
export const workOf = <Name extends StageName>(name: Name, input: StageInputs[Name], config: RunConfig): Work => rules[name](input, config);

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

function training({ model, vocabularySize, sequenceLength, steps, batchSize, heldOut: curve }: StageInputs['training'], { heldOut }: RunConfig): Work {
  const tokens = steps * batchSize * sequenceLength;
  const flops = flopsPerToken({ model, vocabularySize, sequenceLength });
  const evaluated = curve === undefined ? 0 : Math.ceil(steps / curve.every) * heldOut[curve.set];
  return { amount: tokens, unit: 'tokens', flops: tokens * flops.training + evaluated * sequenceLength * flops.forward, bytes: STATE_BYTES * parameters(model, vocabularySize) };
}

/** forward passes of a model that a row's score takes */
function passesOf(by: ScoredBy): { readonly passes: number; readonly through: WhichModel } {
  const { passes = 1, passesThrough: through = 'proxy' } = isOwnScore(by) ? LEARNING[by] : {};
  return { passes, through };
}

/** @param input as far as it decides */
export function scoringWork({ models, sequenceLength, shards, by = 'score-model' }: Pick<StageInputs['scoring'], 'models' | 'sequenceLength' | 'shards' | 'by'>, { data, bilevel }: RunConfig): Work {
  const { passes: whole, through } = passesOf(by);
  // what a score model without a backbone says follows from features that the bilevel phase has computed
  const passes = by === 'score-model' && bilevel.score.backbone === false ? 0 : whole;
  const rows = Math.min(shards.end * data.rowsPerShard, data.rowsPerGroup) - shards.first * data.rowsPerShard;
  return { amount: rows, unit: 'rows', flops: scoresOnDevice(by) ? passes * rows * sequenceLength * flopsPerToken({ model: models[through], vocabularySize: models.vocabularySize, sequenceLength }).forward : 0, bytes: rows * 20 };
}

function evaluation({ model, vocabularySize, sequenceLength, sets }: StageInputs['evaluation'], { heldOut }: RunConfig): Work {
  const rows = sets.reduce((sum, set) => sum + heldOut[set], 0);
  return { amount: rows, unit: 'rows', flops: rows * sequenceLength * flopsPerToken({ model, vocabularySize, sequenceLength }).forward, bytes: rows * 100 };
}

const parameters = (model: ModelConfig, vocabularySize: number): number => parameterCount(createModel(model).shapes(vocabularySize));
