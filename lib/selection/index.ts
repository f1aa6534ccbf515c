import { gumbelTopK, type GumbelTopK } from './gumbel-top-k.js';
import { middle } from './middle.js';
import { randomRule } from './random.js';
import { topK } from './top-k.js';
import { topKFloat16 } from './top-k-float16.js';
import type { RankingRule } from './types.js';

export { gumbelTopK, type GumbelTopK } from './gumbel-top-k.js';
export { middle } from './middle.js';
export { precision, type ChosenRows, type Precision } from './precision.js';
export { randomRule } from './random.js';
export type { Redundancy } from './redundancy.js';
export { selectRows, type SelectedRows, type SelectRows } from './select-rows.js';
export { topK } from './top-k.js';
export { topKFloat16 } from './top-k-float16.js';
export type { ScoredRow, RankingRule } from './types.js';

export interface OpenRankingRule {
  readonly method: RankingRule['name'];
  /** of gumbel-top-k */
  readonly temperature: number;
  /** what the temperature counts in. @default 'logits' */
  readonly temperatureIn?: GumbelTopK['temperatureIn'];
  readonly seed: string;
}

/** The ranking rule of a configuration. */
export function openRankingRule({ method, temperature, temperatureIn = 'logits', seed }: OpenRankingRule): RankingRule {
  switch (method) {
    case 'top-k':
      return topK();
    case 'top-k-float16':
      return topKFloat16();
    case 'gumbel-top-k':
      return gumbelTopK({ temperature, temperatureIn, seed });
    case 'middle':
      return middle();
    case 'random':
      return randomRule({ seed });
  }
}

/** Rows that a fraction of a group is: at least one. */
export const countOf = (rows: number, fraction: number): number => Math.min(rows, Math.max(1, Math.round(rows * fraction)));
export { uniformOf } from './noise.js';
