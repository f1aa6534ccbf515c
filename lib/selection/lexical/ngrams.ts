import { mix32 } from '../../random.js';

/** Buckets of hashed n-grams, as DSIR has them. */
export const BUCKETS = 10_000;

/**
 * Hashed features of a row: every token and every pair of neighbours, as bucket numbers; n tokens give 2n − 1. Tokens stand for words: what is
 * compared has been cut by the same tokenizer.
 */
export function ngramBuckets(tokens: ArrayLike<number>, buckets: number = BUCKETS): Uint32Array {
  const found = new Uint32Array(Math.max(0, 2 * tokens.length - 1));
  for (let i = 0; i < tokens.length; i++) {
    const hash = mix32(tokens[i] + 1);
    found[2 * i] = hash % buckets;
    if (i + 1 < tokens.length) found[2 * i + 1] = mix32(hash ^ (tokens[i + 1] + 1)) % buckets;
  }
  return found;
}
