import { largestByKey } from './by-key.js';
import { logitsOf } from './logits.js';
import type { Selector } from './types.js';

/** The rows whose logits are nearest to the median of all: neither what a model knows by heart nor what it makes nothing of. */
export const middle = (): Selector => ({
  name: 'middle',
  select: ({ candidates, count }) => {
    const logits = logitsOf(candidates, 'middle');
    const sorted = Float32Array.from(logits).sort();
    const half = sorted.length >> 1;
    const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    return largestByKey({ candidates, keys: logits.map((logit) => -Math.abs(logit - median)), count });
  },
});
