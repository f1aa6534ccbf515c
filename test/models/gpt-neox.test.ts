import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, test } from 'vitest';
import { createModel, nextTokenLosses, parameterCount, perSampleLoss } from '../../lib/models/index.js';
import { tf } from '../../lib/tensor/index.js';
import { fivePositions, idsOf, tensorsOf, tinyConfig, tinyIds, vocabularySize } from './tiny.js';

const model = createModel(tinyConfig);
const params = tensorsOf(model.init({ vocabularySize, seed: 1 }), model.shapes(vocabularySize));
const logits = (ids: Tensor, causal: boolean): Float32Array => tf.tidy(() => model.logits({ params, ids, causal }).dataSync<'float32'>());

describe('sizes of Pythia', () => {
  test.each([
    ['14m', 6, 128, 4, 14_067_712],
    ['31m', 6, 256, 8, 30_494_720],
    ['70m', 6, 512, 8, 70_426_624],
    ['160m', 12, 768, 12, 162_322_944],
    ['410m', 24, 1024, 16, 405_334_016],
    ['1b', 16, 2048, 8, 1_011_781_632],
    ['1.4b', 24, 2048, 16, 1_414_647_808],
    ['2.8b', 32, 2560, 32, 2_775_208_960],
  ])('%s has the published number of parameters', (_, layers, width, heads, parameters) => {
    const { shapes } = createModel({ ...tinyConfig, layers, width, heads });
    expect(parameterCount(shapes(50_304))).toBe(parameters);
  });
});

test('a causal position does not see later tokens; without the mask it does', () => {
  const [first, changed] = [tinyIds.map((row) => [...row]), tinyIds.map((row) => [...row])];
  changed[0][5] = (changed[0][5] + 1) % vocabularySize;
  const upTo = (values: Float32Array): Float32Array => values.slice(0, 5 * vocabularySize);
  expect(upTo(logits(idsOf(changed), true))).toEqual(upTo(logits(idsOf(first), true)));
  expect(upTo(logits(idsOf(changed), false))).not.toEqual(upTo(logits(idsOf(first), false)));
});

test('without a mask order still matters: rotary positions are there', () => {
  const swapped = tinyIds.map((row) => [row[1], row[0], ...row.slice(2)]);
  const last = (values: Float32Array): Float32Array => values.slice(7 * vocabularySize, 8 * vocabularySize);
  const difference = last(logits(idsOf(swapped), false)).map((x, i) => Math.abs(x - last(logits(idsOf(tinyIds), false))[i]));
  expect(Math.max(...difference)).toBeGreaterThan(1e-6);
});

test.each([undefined, fivePositions])('losses are −log softmax of the next token, in float64 by hand, of %s logits at once', (logitsAtOnce) => {
  tf.tidy(() => {
    const ids = idsOf(tinyIds);
    const values = logits(ids, true);
    const T = tinyIds[0].length;
    const byHand = tinyIds.map((row, i) =>
      row.slice(1).map((next, t) => {
        const scores = Float64Array.from(values.slice((i * T + t) * vocabularySize, (i * T + t + 1) * vocabularySize));
        return Math.log(scores.reduce((sum, x) => sum + Math.exp(x), 0)) - scores[next];
      }),
    );
    const inParts = createModel(tinyConfig, { logitsAtOnce });
    const losses = nextTokenLosses({ model: inParts, params, ids, causal: true });
    expect(losses.shape).toEqual([tinyIds.length, T - 1]);
    byHand.flat().forEach((loss, i) => expect(losses.dataSync()[i]).toBeCloseTo(loss, 5));
    const means = byHand.map((row) => row.reduce((a, b) => a + b) / row.length);
    means.forEach((mean, i) => expect(perSampleLoss({ model: inParts, params, ids, causal: true }).dataSync()[i]).toBeCloseTo(mean, 5));
  });
});

test('sizes that do not fit together are refused by name', () => {
  expect(() => createModel({ ...tinyConfig, width: 30 })).toThrow(/30 does not divide into 4 heads; choose heads/);
  expect(() => createModel({ ...tinyConfig, rotaryFraction: 0.1 })).toThrow(/rotates 0 dimensions/);
});

test('ids of another rank or a missing weight are named', () => {
  expect(() => model.logits({ params, ids: tf.tensor1d([1, 2], 'int32'), causal: true })).toThrow('token ids are int32 [n, T], not int32 [2]');
  const { 'embed_out.weight': _, ...rest } = params;
  expect(() => model.logits({ params: rest, ids: idsOf(tinyIds), causal: true })).toThrow('the weights lack embed_out.weight');
});
