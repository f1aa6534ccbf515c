import type { RankingRule } from './types.js';

/** The rows with the largest logits. Logits, not sigmoids: a confident score saturates at 1. @see method §6.7 */
export const topK = (): RankingRule => ({ name: 'top-k', needsScores: true });
