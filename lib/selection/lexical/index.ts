import { ngramBuckets } from './ngrams.js';

export { logImportance, NgramCounts } from './dsir.js';
export { ngramBuckets } from './ngrams.js';
export { trainClassifier, type QualityClassifier, type TrainClassifier } from './quality-classifier.js';

/** A weight for each hashed n-gram, which is what either lexical selector learns. */
export interface LexicalScorer {
  /** float32 [buckets] */
  readonly weights: Float32Array;
  readonly bias: number;
  /** a row's score is the sum over its n-grams, or their mean */
  readonly pooling: 'sum' | 'mean';
}

/** Score of one row, float32. */
export function lexicalScore({ weights, bias, pooling }: LexicalScorer, tokens: ArrayLike<number>): number {
  const found = ngramBuckets(tokens, weights.length);
  let sum = 0;
  for (const bucket of found) sum += weights[bucket];
  return Math.fround(bias + (pooling === 'mean' ? sum / Math.max(1, found.length) : sum));
}
