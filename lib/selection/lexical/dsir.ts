import { BUCKETS, ngramBuckets } from './ngrams.js';

/** How often each hashed n-gram occurs in texts. */
export class NgramCounts {
  private readonly counts: Float64Array;
  private total = 0;

  constructor(private readonly buckets: number = BUCKETS) {
    this.counts = new Float64Array(buckets);
  }

  /** @param tokens of one row, without padding */
  add(tokens: ArrayLike<number>): void {
    const found = ngramBuckets(tokens, this.buckets);
    for (const bucket of found) this.counts[bucket] += 1;
    this.total += found.length;
  }

  /**
   * Share of all n-grams, float64 [buckets], as if each bucket had been met once more. DSIR's own code adds 1e-8 to the shares, which suits targets of
   * millions of words; by a validation set of some hundred passages, pairs that it happens to lack would decide.
   */
  get probabilities(): Float64Array {
    return this.counts.map((count) => (count + 1) / (this.total + this.buckets));
  }
}

/**
 * DSIR: log p_target(b) − log p_raw(b) of each bucket b, float32 [buckets]. A row's log importance weight is their sum over its n-grams (bags of
 * n-grams, independent of each other).  @see method §9
 */
export function logImportance({ target, raw }: { readonly target: NgramCounts; readonly raw: NgramCounts }): Float32Array {
  const p = target.probabilities;
  const q = raw.probabilities;
  return Float32Array.from(p, (_, bucket) => Math.log(p[bucket]) - Math.log(q[bucket]));
}
