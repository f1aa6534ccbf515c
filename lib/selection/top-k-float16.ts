import { roundToHalf } from '../round-to-half.js';
import type { RankingRule } from './types.js';

/**
 * As in the release: the rows with the largest scores after the sigmoid, in float16. Near 0.6 its steps are 5e-4 and a confident score is 1, so
 * that many rows tie at the cut; here as everywhere by id. @see method §6.7
 */
export const topKFloat16 = (): RankingRule => ({ name: 'top-k-float16', needsScores: true, key: ({ logit }) => roundToHalf(1 / (1 + Math.exp(-logit))) });
