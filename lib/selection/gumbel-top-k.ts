import { uniformOf } from './noise.js';
import type { RankingRule } from './types.js';

export interface GumbelTopK {
  /** τ ≥ 0; 0 is top-k */
  readonly temperature: number;
  /** `deviations`: τ counts in standard deviations of the logits of all candidates, whatever their scale. @default 'logits' */
  readonly temperatureIn?: 'logits' | 'deviations';
  readonly seed: string;
}

/**
 * The largest logit + τ·g with g standard Gumbel noise of (seed, row id): a sample without replacement from
 * softmax(logits / τ), as in MATES. @see method §4.4
 */
export const gumbelTopK = ({ temperature, temperatureIn = 'logits', seed }: GumbelTopK): RankingRule => ({
  name: 'gumbel-top-k',
  needsScores: true,
  ...(temperatureIn === 'deviations' ? { ofAll: 'deviation' as const } : {}),
  key: ({ id, logit, ofAll }) => logit - (temperatureIn === 'deviations' ? temperature * ofAll : temperature) * Math.log(-Math.log(uniformOf(seed, id))),
});
