import type { RankingRule } from './types.js';

/** The rows whose logits are nearest to the median of all: neither what a model knows by heart nor what it makes nothing of. */
export const middle = (): RankingRule => ({
  name: 'middle',
  needsScores: true,
  ofAll: 'median',
  key: ({ logit, ofAll: median }) => Math.fround(-Math.abs(logit - median)),
});
