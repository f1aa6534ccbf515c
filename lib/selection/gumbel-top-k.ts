import { largestByKey } from './by-key.js';
import { logitsOf } from './logits.js';
import { uniformOf } from './noise.js';
import type { Selector } from './types.js';

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
export const gumbelTopK = ({ temperature, temperatureIn = 'logits', seed }: GumbelTopK): Selector => ({
  name: 'gumbel-top-k',
  select: ({ candidates, count }) => {
    const logits = logitsOf(candidates, 'gumbel-top-k');
    const scale = temperatureIn === 'deviations' ? temperature * deviationOf(logits) : temperature;
    const keys = Float64Array.from(logits, (logit, i) => logit - scale * Math.log(-Math.log(uniformOf(seed, candidates.ids[i]))));
    return largestByKey({ candidates, keys, count });
  },
});

/** With n in the denominator. */
function deviationOf(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
