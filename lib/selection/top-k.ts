import { largestByKey } from './by-key.js';
import { logitsOf } from './logits.js';
import type { Selector } from './types.js';

/** The rows with the largest logits. Logits, not sigmoids: a confident score saturates at 1. @see method §6.7 */
export const topK = (): Selector => ({
  name: 'top-k',
  select: ({ candidates, count }) => largestByKey({ candidates, keys: logitsOf(candidates, 'top-k'), count }),
});
