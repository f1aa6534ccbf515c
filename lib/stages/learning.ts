import type { OwnScores } from '../../config/tables/selectors.js';
import type { LearningStageName } from '../../config/tables/stages.js';
import { bilevel } from './bilevel.js';
import { color } from './color/index.js';
import { lexical } from './lexical.js';
import { mates } from './mates/index.js';
import type { LearningStage, RatingStage } from './types.js';

/** Stages by which arms learn what rows are worth. Those that rows are scored by in a form of their own say how. */
export const LEARNING: { readonly [Name in LearningStageName]: Name extends OwnScores ? RatingStage<Name> : LearningStage<Name> } = { bilevel, lexical, mates, color };
