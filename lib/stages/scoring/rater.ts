import { mean } from '../../mean.js';
import type { OwnScores, ScoredBy } from '../../../config/tables/selectors.js';
import { isLearningStage } from '../../../config/tables/stages.js';
import { LEARNING } from '../learning.js';
import { readArrays } from '../state.js';
import type { OpenRater } from '../types.js';

/** The score model's logit. */
const byScoreModel: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, precision, compiler: mode } = input;
  await context.phase('compiling');
  const program = await context.programs.scoring({ model, vocabularySize, sequenceLength, batchSize, precision, mode });
  program.setState(await readArrays(scorer, 'score.safetensors'));
  return (tokens) => program.score(tokens);
};

/** Minus a language model's mean loss. */
const byPerplexity: OpenRater = async ({ input, scorer, context }) => {
  const { models: { proxy: model, vocabularySize }, sequenceLength, batchSize, compiler: mode } = input;
  await context.phase('compiling');
  const program = await context.programs.evaluation({ model, vocabularySize, sequenceLength, batchSize, mode });
  program.setState(await readArrays(scorer, 'weights.safetensors'));
  const positions = sequenceLength - 1;
  return (tokens) => {
    const { negativeLogLikelihood } = program.evaluate(tokens);
    return Float32Array.from({ length: batchSize }, (_, i) => -mean(negativeLogLikelihood.subarray(i * positions, (i + 1) * positions)));
  };
};

const RATERS: { readonly [By in Exclude<ScoredBy, OwnScores>]: OpenRater } = { 'score-model': byScoreModel, perplexity: byPerplexity };
const isOwn = (by: ScoredBy): by is OwnScores => isLearningStage(by);

/** What the input's scorer makes of rows: the score model, a language model's loss, or what its stage says. */
export const openRater: OpenRater = (from) => {
  const by = from.input.by ?? 'score-model';
  return (isOwn(by) ? LEARNING[by].openRater : RATERS[by])(from);
};
