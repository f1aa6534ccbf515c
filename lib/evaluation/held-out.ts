import type { HeldOutExample } from '../data/types.js';

/** What a model says of one passage: entry t is about the prediction of token t+1. */
export interface ExampleLosses {
  readonly example: HeldOutExample;
  /** nats, [T−1] */
  readonly negativeLogLikelihood: ArrayLike<number>;
  /** 1 where the most likely token is the right one, [T−1] */
  readonly correct: ArrayLike<number>;
}

/** Means in nats a token or passages; standard errors over passages. */
export interface HeldOutSummary {
  readonly examples: number;
  readonly tokens: number;
  /** pooled over all tokens but the first of each passage */
  readonly loss: number;
  readonly lossStandardError: number;
  /** e^loss */
  readonly perplexity: number;
  /** of the last word's tokens, pooled */
  readonly lastWordLoss: number;
  readonly lastWordLossStandardError: number;
  /** share of passages with every token of the last word right (greedily) */
  readonly lastWordAccuracy: number;
  readonly lastWordAccuracyStandardError: number;
}

/** Summed loss and number of predicted tokens of one passage, so that models can be compared passage by passage. */
export interface PassageLoss {
  readonly id: string;
  /** nats */
  readonly sum: number;
  readonly count: number;
}

/** `passages.json` of an evaluation: loss of each passage, by set */
export type PassagesFile = Readonly<Record<string, readonly PassageLoss[]>>;
export const PASSAGES_FILE = 'passages.json';

export const passageLoss = (losses: ExampleLosses): PassageLoss => ({ id: losses.example.id, ...sumOver(losses, 1, losses.example.length) });

/**
 * Standard error of the difference of two models' pooled losses on the same passages: hard passages are hard for both, so
 * it is much smaller than that of either. @throws RangeError where the passages differ
 */
export function pairedStandardError(a: readonly PassageLoss[], b: readonly PassageLoss[]): number {
  if (a.length !== b.length || a.some(({ id, count }, i) => id !== b[i].id || count !== b[i].count)) throw new RangeError('two models can be compared on the same passages only');
  return ratio(a.map(({ sum, count }, i) => ({ sum: sum - b[i].sum, count }))).standardError;
}

/** LAMBADA's measures on held-out passages.  @see method §§2, 7 */
export function summariseHeldOut(losses: readonly ExampleLosses[]): HeldOutSummary {
  const all = losses.map((one) => sumOver(one, 1, one.example.length));
  const last = losses.map((one) => sumOver(one, one.example.targetStart, one.example.length));
  const right = losses.map(({ example, correct }) => {
    for (let t = example.targetStart; t < example.length; t++) if (correct[t - 1] !== 1) return 0;
    return 1;
  });
  const loss = ratio(all);
  const lastWord = ratio(last);
  const accuracy = ratio(right.map((sum) => ({ sum, count: 1 })));
  return {
    examples: losses.length,
    tokens: all.reduce((sum, { count }) => sum + count, 0),
    loss: loss.mean,
    lossStandardError: loss.standardError,
    perplexity: Math.exp(loss.mean),
    lastWordLoss: lastWord.mean,
    lastWordLossStandardError: lastWord.standardError,
    lastWordAccuracy: accuracy.mean,
    lastWordAccuracyStandardError: accuracy.standardError,
  };
}

interface Sum {
  readonly sum: number;
  readonly count: number;
}

function sumOver({ negativeLogLikelihood }: ExampleLosses, from: number, to: number): Sum {
  let sum = 0;
  for (let t = from; t < to; t++) sum += negativeLogLikelihood[t - 1];
  return { sum, count: to - from };
}

/**
 * Pooled mean Σ sum / Σ count and its standard error by linearisation over passages (tokens of one passage are not
 * independent): √(n/(n−1) · Σ (sum_i − mean·count_i)²) / Σ count. With counts of 1 it is the sample deviation over √n.
 */
export function ratio(parts: readonly Sum[]): { readonly mean: number; readonly standardError: number } {
  const n = parts.length;
  const count = parts.reduce((total, part) => total + part.count, 0);
  const mean = parts.reduce((total, part) => total + part.sum, 0) / count;
  const squares = parts.reduce((total, part) => total + (part.sum - mean * part.count) ** 2, 0);
  return { mean, standardError: n > 1 ? Math.sqrt((n / (n - 1)) * squares) / count : Number.NaN };
}
