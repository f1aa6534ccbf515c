import { isOwnScore, type OwnScores } from '../../config/tables/selectors.js';
import type { LearningStageName } from '../../config/tables/stages.js';
import { bilevel } from './bilevel.js';
import { color, recolor } from './color/index.js';
import { lexical } from './lexical.js';
import { mates } from './mates/index.js';
import { MODEL_RATERS } from './scoring/model-raters.js';
import { gradsim, repsim } from './similarity/index.js';
import type { LearningStage, OpenRater, RatingStage } from './types.js';

/** What the input's scorer makes of rows: the score model, a language model's loss, or what its stage says. */
export const openRater: OpenRater = (from) => {
  const by = from.input.by ?? 'score-model';
  return (isOwnScore(by) ? LEARNING[by].openRater : MODEL_RATERS[by])(from);
};

/** Stages by which arms learn what rows are worth. Those that rows are scored by in a form of their own say how. */
export const LEARNING: { readonly [Name in LearningStageName]: Name extends OwnScores ? RatingStage<Name> : LearningStage<Name> } = { bilevel: bilevel({ openRater }), lexical, mates, color, recolor, repsim, gradsim };
