/** What a row's key may follow from. */
export interface ScoredRow {
  readonly id: string;
  /** before the sigmoid, float32; NaN where nothing was learnt */
  readonly logit: number;
  /** what the rule asks for of all logits; NaN where it asks for nothing */
  readonly ofAll: number;
}

/**
 * A rule that keeps the best rows: those with the largest keys, equal keys by id ascending. A pure function of ids, logits
 * and its seed; the order rows come in changes nothing.
 */
export interface RankingRule {
  readonly name: 'top-k' | 'top-k-float16' | 'gumbel-top-k' | 'middle' | 'random';
  /** whether every row must have a score */
  readonly needsScores: boolean;
  /** what keys follow from beside the row: median or standard deviation (with n in the denominator) of all logits. @default nothing */
  readonly ofAll?: 'median' | 'deviation';
  /** the logit itself where absent */
  readonly key?: (row: ScoredRow) => number;
}
