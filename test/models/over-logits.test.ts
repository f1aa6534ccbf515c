import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, test } from 'vitest';
import { overLogits, positionRanges } from '../../lib/models/index.js';
import { crossEntropy, innerProduct, logSoftmax, tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { randomStream } from '../../lib/random.js';

describe('position ranges', () => {
  test.each([
    [1024, 50_304, 2 ** 26, [1024]],
    [4096, 50_304, 2 ** 26, [1024, 1024, 1024, 1024]],
    [10, 4, 12, [3, 3, 3, 1]],
    [3, 100, 12, [1, 1, 1]], // never less than a position
  ])('%i positions of %i logits, at most %i at once', (positions, vocabularySize, most, sizes) => {
    const ranges = positionRanges({ positions, vocabularySize, most });
    expect(ranges.map(({ size }) => size)).toEqual(sizes);
    ranges.forEach(({ start }, i) => expect(start).toBe(sizes.slice(0, i).reduce((a, b) => a + b, 0)));
  });
});

test('in parts as at once: values, gradients and Hessian products', () => {
  const random = randomStream('over-logits');
  const floats = (...shape: number[]): Tensor => tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()), shape);
  const params = { hidden: floats(3, 7), weight: floats(5, 3) };
  const direction = { hidden: floats(3, 7), weight: floats(5, 3) };
  const targets = tf.tensor1d([0, 1, 2, 3, 4, 0, 1], 'int32');
  const loss = (most: number) => ({ hidden, weight }: NamedTensors): Tensor => {
    const [losses, entropies] = overLogits({ hidden, weight, most }, (logits, { start, size }) => {
      const logP = logSoftmax(logits, 0);
      return [crossEntropy(logits, tf.slice(targets, start, size)), tf.sum(tf.mul(tf.exp(logP), logP), 0)];
    });
    expect(losses.shape).toEqual([7]);
    // each position weighs otherwise, so that an order that is not theirs shows
    return tf.sum(tf.mul(tf.tensor1d([1, 2, 3, 4, 5, 6, 7]), tf.add(losses, tf.square(entropies))));
  };
  const derivatives = (most: number): number[] => {
    const first = valueAndGradients(loss(most), params);
    const second = valueAndGradients((p) => innerProduct(valueAndGradients(loss(most), p).gradients, direction), params).gradients;
    return [first.value, ...Object.values(first.gradients), ...Object.values(second)].flatMap((tensor) => Array.from(tensor.dataSync()));
  };
  const whole = derivatives(35);
  const parts = derivatives(10);
  expect(parts).toHaveLength(1 + 36 + 36);
  parts.forEach((value, i) => expect(value).toBeCloseTo(whole[i], 4));
  expect(Math.max(...whole.slice(37).map(Math.abs))).toBeGreaterThan(0.1);
});
