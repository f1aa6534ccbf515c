import { BUCKETS, ngramBuckets } from './ngrams.js';

/** keeps a bucket that one side never met from ruling a row in or out alone */
const SMOOTHING = 1e-8;

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

  /** share of all n-grams, float64 [buckets] */
  get probabilities(): Float64Array {
    return this.counts.map((count) => (this.total === 0 ? 0 : count / this.total));
  }
}

/**
 * DSIR: log p_target(b) − log p_raw(b) of each bucket b, float32 [buckets]. A row's log importance weight is their sum over its n-grams (bags of
 * n-grams, independent of each other).  @see method §9
 */
export function logImportance({ target, raw }: { readonly target: NgramCounts; readonly raw: NgramCounts }): Float32Array {
  const p = target.probabilities;
  const q = raw.probabilities;
  return Float32Array.from(p, (_, bucket) => Math.log(p[bucket] + SMOOTHING) - Math.log(q[bucket] + SMOOTHING));
}
