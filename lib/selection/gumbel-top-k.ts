import { largestByKey } from './by-key.js';
import { logitsOf } from './logits.js';
import { uniformOf } from './noise.js';
import type { Selector } from './types.js';

export interface GumbelTopK {
  /** τ ≥ 0; 0 is top-k */
  readonly temperature: number;
  readonly seed: string;
}

/**
 * The largest logit + τ·g with g standard Gumbel noise of (seed, row id): a sample without replacement from
 * softmax(logits / τ), as in MATES. @see method §4.4
 */
export const gumbelTopK = ({ temperature, seed }: GumbelTopK): Selector => ({
  name: 'gumbel-top-k',
  select: ({ candidates, count }) => {
    const logits = logitsOf(candidates, 'gumbel-top-k');
    const keys = Float64Array.from(logits, (logit, i) => logit - temperature * Math.log(-Math.log(uniformOf(seed, candidates.ids[i]))));
    return largestByKey({ candidates, keys, count });
  },
});
