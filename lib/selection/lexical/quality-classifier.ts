import { permutation } from '../../random.js';
import { BUCKETS, ngramBuckets } from './ngrams.js';

export interface TrainClassifier {
  /** tokens of rows like those wanted, without padding */
  readonly positives: readonly ArrayLike<number>[];
  /** tokens of rows as they come */
  readonly negatives: readonly ArrayLike<number>[];
  readonly seed: string;
  readonly buckets?: number;
  /** passes over all rows */
  readonly epochs?: number;
  /** at the beginning; falls linearly to 0, as fastText's */
  readonly learningRate?: number;
}

/** A linear model over mean hashed n-grams: w·mean(b) + bias, the logit of being wanted. */
export interface QualityClassifier {
  /** float32 [buckets] */
  readonly weights: Float32Array;
  readonly bias: number;
}

/**
 * fastText's classifier without its hidden layer, which for two classes adds nothing to a linear one: logistic regression on the mean of hashed tokens
 * and pairs, by SGD one row at a time. Both classes weigh the same, however many rows they have.  @see method §9
 */
export function trainClassifier({ positives, negatives, seed, buckets = BUCKETS, epochs = 5, learningRate = 1 }: TrainClassifier): QualityClassifier {
  const rows = [...positives, ...negatives].map((tokens) => ngramBuckets(tokens, buckets));
  const weights = new Float64Array(buckets);
  let bias = 0;
  const weightOf = { positive: rows.length / (2 * positives.length), negative: rows.length / (2 * negatives.length) };
  const updates = epochs * rows.length;
  for (let epoch = 0, update = 0; epoch < epochs; epoch++) {
    for (const row of permutation(rows.length, seed, 'quality-classifier', epoch)) {
      const found = rows[row];
      const wanted = row < positives.length;
      // dL/dlogit of the logistic loss
      const slope = (1 / (1 + Math.exp(-logit({ weights, bias }, found))) - (wanted ? 1 : 0)) * (wanted ? weightOf.positive : weightOf.negative);
      const step = learningRate * (1 - update / updates) * slope;
      for (const bucket of found) weights[bucket] -= step / found.length;
      bias -= step;
      update += 1;
    }
  }
  return { weights: Float32Array.from(weights), bias: Math.fround(bias) };
}

function logit({ weights, bias }: { readonly weights: ArrayLike<number>; readonly bias: number }, found: Uint32Array): number {
  let sum = 0;
  for (const bucket of found) sum += weights[bucket];
  return found.length === 0 ? bias : bias + sum / found.length;
}
