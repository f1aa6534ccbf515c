import { describe, expect, test } from 'vitest';
import { randomStream } from '../../lib/random.js';
import { lexicalScore, logImportance, NgramCounts, ngramBuckets, trainClassifier } from '../../lib/selection/lexical/index.js';
import { middle } from '../../lib/selection/index.js';
import { selectInFiles } from './in-files.js';

/** rows of tokens below `vocabulary`, of two kinds: each kind prefers other tokens */
function rows(kind: string, count: number, { vocabulary = 40, length = 24, shift = 0 } = {}): Int32Array[] {
  const random = randomStream('lexical', kind);
  return Array.from({ length: count }, () => Int32Array.from({ length }, () => (Math.floor(Math.abs(random.normal()) * 6) + shift) % vocabulary));
}

describe('hashed n-grams', () => {
  test('are all tokens and all pairs of neighbours, in their order', () => {
    const huge = 2 ** 31;
    const of = (...tokens: number[]): number[] => [...ngramBuckets(tokens, huge)];
    expect(of()).toEqual([]);
    expect(of(5)).toHaveLength(1);
    const [five, fiveSix, six, sixFive, fiveAgain] = of(5, 6, 5);
    expect(five).toBe(fiveAgain);
    expect(new Set([five, fiveSix, six, sixFive]).size).toBe(4); // a pair is another feature than its reverse and its parts
    expect(of(6, 5)[1]).toBe(sixFive);
    expect(Math.max(...ngramBuckets(Int32Array.from({ length: 5_000 }, (_, i) => i), 100))).toBe(99);
  });

  test('fall into buckets evenly', () => {
    const counts = new Float64Array(64);
    for (const bucket of ngramBuckets(Int32Array.from({ length: 20_000 }, (_, i) => i), 64)) counts[bucket] += 1;
    const expected = 39_999 / 64;
    // χ² of 63 degrees of freedom: 1 in 10⁴ is above 116
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(116);
  });
});

test('DSIR’s log importance of a row is the log ratio of its n-grams’ shares, counted here by their text', () => {
  const target = rows('target', 50);
  const raw = [...rows('raw', 200, { shift: 5 }), ...rows('more', 50)];
  const buckets = 2 ** 20; // so many that hardly any is shared: what is hashed and what is not agree
  const count = (texts: readonly Int32Array[]): { readonly of: NgramCounts; readonly share: (gram: string) => number } => {
    const of = new NgramCounts(buckets);
    const byText = new Map<string, number>();
    for (const tokens of texts) {
      of.add(tokens);
      for (const gram of grams(tokens)) byText.set(gram, (byText.get(gram) ?? 0) + 1);
    }
    const total = [...byText.values()].reduce((sum, n) => sum + n, 0);
    return { of, share: (gram) => ((byText.get(gram) ?? 0) + 1) / (total + buckets) };
  };
  const [wanted, all] = [count(target), count(raw)];
  const weights = logImportance({ target: wanted.of, raw: all.of });
  for (const tokens of raw.slice(190, 210)) {
    const expected = grams(tokens).reduce((sum, gram) => sum + Math.log(wanted.share(gram)) - Math.log(all.share(gram)), 0);
    expect(Math.abs(lexicalScore({ weights, bias: 0, pooling: 'sum' }, tokens) - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
  }
});

const grams = (tokens: Int32Array): string[] => [...tokens].flatMap((token, i) => (i + 1 < tokens.length ? [`${token}`, `${token} ${tokens[i + 1]}`] : [`${token}`]));

test('the quality classifier ranks rows of the wanted kind above others that it has not seen, and follows its seed', () => {
  const train = { positives: rows('wanted', 60), negatives: rows('others', 400, { shift: 4 }) };
  const scorer = (seed: string) => ({ ...trainClassifier({ ...train, seed }), pooling: 'mean' as const });
  const of = (seed: string, tokens: Int32Array): number => lexicalScore(scorer(seed), tokens);
  const good = rows('held out, wanted', 100).map((tokens) => of('0', tokens));
  const bad = rows('held out, others', 100, { shift: 4 }).map((tokens) => of('0', tokens));
  const area = good.flatMap((a) => bad.map((b) => (a > b ? 1 : 0) as number)).reduce((sum, n) => sum + n, 0) / (good.length * bad.length);
  expect(area).toBeGreaterThan(0.95);
  expect(scorer('0')).toEqual(scorer('0'));
  expect(scorer('1').weights).not.toEqual(scorer('0').weights);
});

test('where nothing tells the classes apart, the classifier favours neither, however many rows either has', () => {
  const [row] = rows('the same', 1, { length: 20 });
  const times = (count: number): Int32Array[] => new Array<Int32Array>(count).fill(row);
  for (const [positives, negatives] of [[100, 400], [400, 100], [250, 250]]) {
    const score = lexicalScore({ ...trainClassifier({ positives: times(positives), negatives: times(negatives), seed: '0', learningRate: 0.1 }), pooling: 'mean' }, row);
    expect(Math.abs(score), `${positives} and ${negatives}`).toBeLessThan(0.2); // rows that weigh alike come to log 4
  }
});

test('one update of the classifier is the gradient of the logistic loss, by finite differences', () => {
  const [wanted] = rows('one', 1, { length: 5 });
  const [other] = rows('two', 1, { length: 5, shift: 3 });
  const buckets = 1_000;
  // one row of each kind, so that both weigh 1; the first step is the whole rate's, the second half of it
  const { weights, bias } = trainClassifier({ positives: [wanted], negatives: [other], seed: 's', buckets, epochs: 1, learningRate: 0.25 });
  const loss = (w: Float64Array, b: number, tokens: Int32Array, sign: 1 | -1): number => {
    const found = ngramBuckets(tokens, buckets);
    return Math.log1p(Math.exp(-sign * (b + found.reduce((sum, bucket) => sum + w[bucket], 0) / found.length)));
  };
  const step = (w: Float64Array, b: number, rate: number, tokens: Int32Array, sign: 1 | -1): [Float64Array, number] => {
    const h = 1e-6;
    const at = (i: number, by: number): Float64Array => w.map((value, j) => (i === j ? value + by : value));
    const gradient = w.map((_, i) => (loss(at(i, h), b, tokens, sign) - loss(at(i, -h), b, tokens, sign)) / (2 * h));
    const slope = (loss(w, b + h, tokens, sign) - loss(w, b - h, tokens, sign)) / (2 * h);
    return [w.map((value, i) => value - rate * gradient[i]), b - rate * slope];
  };
  const inOrder = (first: [Int32Array, 1 | -1], second: [Int32Array, 1 | -1]): [Float64Array, number] => {
    const [w, b] = step(new Float64Array(buckets), 0, 0.25, ...first);
    return step(w, b, 0.125, ...second);
  };
  const candidates = [inOrder([wanted, 1], [other, -1]), inOrder([other, -1], [wanted, 1])];
  const error = ([w, b]: [Float64Array, number]): number => Math.max(Math.abs(b - bias), ...w.map((value, i) => Math.abs(value - weights[i])));
  expect(Math.min(...candidates.map(error))).toBeLessThan(1e-8);
  expect(Math.max(...candidates.map(error))).toBeGreaterThan(1e-4); // the order shows
});

test('the middle is around the median, whatever the tails', async () => {
  const logits = Float32Array.from([-100, 3, 1, 2, 50, 2.5, -4]);
  const ids = [...logits].map((_, i) => `row-${i}`);
  expect(await selectInFiles({ rule: middle(), candidates: { ids, logits }, count: 3 })).toEqual([3, 5, 1]); // median 2, then 0.5 away, then 1 away: row-1 before row-2
});
