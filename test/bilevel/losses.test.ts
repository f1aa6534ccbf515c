import { describe, expect, test } from 'vitest';
import { exactWeights, lowerLoss, normaliserOf, sampleWeights, targetStates, upperLoss } from '../../lib/bilevel/index.js';
import { tf } from '../../lib/tensor/index.js';
import { vocabularySize } from '../models/tiny.js';
import { arrays, ids, inParts, mask, models, n, numbers, rows, settingsWith, T, validationIds, weights } from './tiny.js';

describe('weights of the samples', () => {
  const scores = tf.tensor1d([0.2, 0.9, 0.5]);
  const normaliser = { max: tf.scalar(0.7), sum: tf.scalar(2.5) };
  const weigh = (settings: Parameters<typeof sampleWeights>[0]['settings'], first: number): number[] => tf.tidy(() => numbers(sampleWeights({ scores, normaliser, first: tf.scalar(first), settings })));
  const softmax = [0.2, 0.9, 0.5].map((s) => Math.exp(s) / (Math.exp(0.2) + Math.exp(0.9) + Math.exp(0.5)));

  test('fresh: a softmax over the minibatch', () => {
    weigh({ weights: 'softmax', normaliser: 'fresh' }, 0).forEach((p, i) => expect(p).toBeCloseTo(softmax[i], 6));
  });

  test('stale: by the maximum and sum of the step before, a softmax in the first', () => {
    const stale = [0.2, 0.9, 0.5].map((s) => Math.exp(s - 0.7) / 2.5);
    weigh({ weights: 'softmax', normaliser: 'stale' }, 0).forEach((p, i) => expect(p).toBeCloseTo(stale[i], 6));
    weigh({ weights: 'softmax', normaliser: 'stale' }, 1).forEach((p, i) => expect(p).toBeCloseTo(softmax[i], 6));
  });

  test('stale, first: whatever the state holds does not matter', () => {
    const empty = { max: tf.scalar(0), sum: tf.scalar(0) };
    const first = numbers(sampleWeights({ scores, normaliser: empty, first: tf.scalar(1), settings: { weights: 'softmax', normaliser: 'stale' } }));
    first.forEach((p, i) => expect(p).toBeCloseTo(softmax[i], 6));
  });

  test('raw: the scores over n, whatever the normaliser', () => {
    weigh({ weights: 'raw', normaliser: 'stale' }, 0).forEach((p, i) => expect(p).toBeCloseTo([0.2, 0.9, 0.5][i] / 3, 6));
    expect(numbers(exactWeights({ scores, weights: 'raw' }))[1]).toBeCloseTo(0.3, 6);
  });

  test('what the next step is given: max s and Σ exp(s − max)', () => {
    const { max, sum } = normaliserOf(scores);
    expect(numbers(max)[0]).toBeCloseTo(0.9, 6);
    expect(numbers(sum)[0]).toBeCloseTo(Math.exp(-0.7) + 1 + Math.exp(-0.4), 6);
  });
});

describe('the lower loss, by hand in float64 from the logits', () => {
  const P = [0.1, 0.4, 0.3, 0.2];
  const logProbabilities = (logits: ArrayLike<number>): Float64Array[] =>
    Array.from({ length: n * T }, (_, r) => {
      const row = Float64Array.from(Array.from(logits).slice(r * vocabularySize, (r + 1) * vocabularySize));
      const sum = Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
      return row.map((x) => x - sum);
    });
  const square = Object.values(arrays.proxy).reduce((total, array) => total + Float64Array.from(array).reduce((sum, x) => sum + x * x, 0), 0);

  test.each([
    { klDirection: 'target-proxy' as const, causalProxy: true, referenceDevices: 1 },
    { klDirection: 'proxy-target' as const, causalProxy: true, referenceDevices: 1 },
    { klDirection: 'target-proxy' as const, causalProxy: false, referenceDevices: 8 },
  ])('$klDirection, causal $causalProxy, $referenceDevices devices, logits at once and in parts', (changes) => {
    tf.tidy(() => {
      const settings = settingsWith(changes);
      const log = {
        p: logProbabilities(models.proxy.logits({ params: weights.proxy, ids, causal: changes.causalProxy }).dataSync()),
        q: logProbabilities(models.target.logits({ params: weights.target, ids, causal: true }).dataSync()),
      };
      const losses = rows.ids.map((row, i) => row.slice(1).reduce((sum, next, t) => sum - log.p[i * T + t][next], 0) / (T - 1));
      const weighted = losses.reduce((sum, loss, i) => sum + P[i] * loss, 0);
      const [from, to] = changes.klDirection === 'target-proxy' ? [log.q, log.p] : [log.p, log.q];
      const kl = from.reduce((sum, row, r) => sum + row.reduce((s, x, v) => s + Math.exp(x) * (x - to[r][v]), 0), 0) / (n * T);

      const batch = { ids, weights: tf.tensor1d(P), target: targetStates({ target: models.target, params: weights.target, ids }) };
      for (const proxy of [models.proxy, inParts]) {
        const result = lowerLoss({ proxy, params: weights.proxy, batch, settings });
        losses.forEach((loss, i) => expect(numbers(result.perSampleLoss)[i]).toBeCloseTo(loss, 5));
        expect(numbers(result.weightedCrossEntropy)[0]).toBeCloseTo(weighted, 5);
        expect(numbers(result.kl)[0]).toBeCloseTo(kl, 5);
        expect(numbers(result.sumOfSquares)[0] / square).toBeCloseTo(1, 5);
        expect(numbers(result.loss)[0]).toBeCloseTo(weighted / changes.referenceDevices + 0.3 * kl + 0.01 * square, 4);
      }
    });
  });

  test.each([['at once', models.proxy], ['in parts', inParts]])('the upper loss is one mean pooled over the targets of all rows, logits %s', (_, proxy) => {
    tf.tidy(() => {
      const F = upperLoss({ proxy, params: weights.proxy, validationIds, validationMask: tf.tensor2d(mask), causalProxy: true });
      const logits = models.proxy.logits({ params: weights.proxy, ids: validationIds, causal: true }).dataSync();
      const terms = rows.validation.flatMap((row, i) =>
        row.flatMap((id, t) => {
          if (mask[i][t] === 0) return [];
          const before = Float64Array.from(logits.slice((i * T + t - 1) * vocabularySize, (i * T + t) * vocabularySize));
          return [Math.log(before.reduce((sum, x) => sum + Math.exp(x), 0)) - before[id]];
        }),
      );
      expect(terms).toHaveLength(1 + 2 + 3);
      expect(numbers(F)[0]).toBeCloseTo(terms.reduce((a, b) => a + b) / 6, 5);
    });
  });
});
