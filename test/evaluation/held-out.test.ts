import { describe, expect, test } from 'vitest';
import type { HeldOutExample } from '../../lib/data/types.js';
import { randomStream } from '../../lib/random.js';
import { pairedStandardError, ratio, summariseHeldOut } from '../../lib/evaluation/index.js';

const example = (length: number, targetStart: number): HeldOutExample => ({ id: `${length}`, tokens: new Int32Array(6), length, targetStart });

describe('held-out measures', () => {
  // entry t is about the prediction of token t+1
  const losses = [
    { example: example(4, 3), negativeLogLikelihood: [1, 2, 3, 99, 99], correct: [0, 1, 1, 0, 0] },
    { example: example(6, 4), negativeLogLikelihood: [1, 1, 1, 5, 7], correct: [1, 1, 1, 1, 0] },
  ];

  test('pool tokens, leave padding out, and count a last word right only when every token of it is', () => {
    const summary = summariseHeldOut(losses);
    expect(summary.tokens).toBe(3 + 5);
    expect(summary.loss).toBeCloseTo((1 + 2 + 3 + 1 + 1 + 1 + 5 + 7) / 8, 12);
    expect(summary.perplexity).toBeCloseTo(Math.exp(21 / 8), 10);
    expect(summary.lastWordLoss).toBeCloseTo((3 + 5 + 7) / 3, 12);
    expect(summary.lastWordAccuracy).toBe(0.5);
  });

  test('the standard error of equal counts is the sample deviation over √n', () => {
    const values = [1.5, 2, 4, 0.5, 3];
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1));
    expect(ratio(values.map((sum) => ({ sum, count: 1 }))).standardError).toBeCloseTo(deviation / Math.sqrt(values.length), 12);
  });

  test('the paired standard error is that of the differences, and refuses other passages', () => {
    const passages = (extra: readonly number[]) => extra.map((more, i) => ({ id: `p${i}`, sum: 100 * (i + 1) + more, count: 10 }));
    // passages differ by hundreds of nats, the two models by 1, 2, 3, 6 on each
    const differences = [0.1, 0.2, 0.3, 0.6];
    const mean = 0.3;
    const expected = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / 3) / 2;
    expect(pairedStandardError(passages([1, 2, 3, 6]), passages([0, 0, 0, 0]))).toBeCloseTo(expected, 12);
    expect(() => pairedStandardError(passages([1, 2]), passages([1, 2, 3]))).toThrow('same passages');
  });

  test('the standard error of a pooled mean agrees with the bootstrap over passages', () => {
    const { uniform } = randomStream('bootstrap');
    const parts = Array.from({ length: 200 }, () => {
      const count = 20 + Math.floor(uniform() * 100);
      return { sum: count * (4 + uniform()), count };
    });
    const means = Array.from({ length: 2000 }, () => ratio(Array.from({ length: parts.length }, () => parts[Math.floor(uniform() * parts.length)])).mean);
    const centre = means.reduce((a, b) => a + b, 0) / means.length;
    const bootstrap = Math.sqrt(means.reduce((a, b) => a + (b - centre) ** 2, 0) / (means.length - 1));
    expect(ratio(parts).standardError / bootstrap).toBeGreaterThan(0.93);
    expect(ratio(parts).standardError / bootstrap).toBeLessThan(1.07);
  });
});
