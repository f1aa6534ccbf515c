import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { expect, test } from 'vitest';
import { createModel, perSampleLoss } from '../../lib/models/index.js';
import { biasCorrections, lossAndGradients, mapNamed, update, type Moments, type UpdateOutput } from '../../lib/optim/index.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';
import { idsOf, tensorsOf, tinyConfig, tinyIds, vocabularySize } from '../models/tiny.js';

const model = createModel(tinyConfig);
const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };
const start = tensorsOf(model.init({ vocabularySize, seed: 5 }), model.shapes(vocabularySize));
const fresh = (): Moments => ({ m: mapNamed(start, (x) => tf.zerosLike(x)), u: mapNamed(start, (x) => tf.zerosLike(x)) });
const ids = idsOf(tinyIds);
const step = (params: NamedTensors, moments: Moments, count: number, learningRate: number): UpdateOutput & { readonly loss: Tensor } => {
  const { c1, c2 } = biasCorrections(count, adam);
  const { loss, gradients } = lossAndGradients({ model, params, ids });
  return { loss, ...update({ params, moments, gradients, learningRate: tf.scalar(learningRate), corrections: { c1: tf.scalar(c1), c2: tf.scalar(c2) }, gradientClip: 1, adam }) };
};

test('the gradient it clips and moves by is that of the mean loss: its norm against differences along itself', () => {
  tf.tidy(() => {
    const { loss, gradientNorm, moments } = step(start, fresh(), 1, 0);
    const lossAt = (params: NamedTensors): number => tf.mean(perSampleLoss({ model, params, ids, causal: true })).dataSync()[0];
    expect(loss.dataSync()[0]).toBeCloseTo(lossAt(start), 5);
    const norm = gradientNorm.dataSync()[0];
    expect(norm).toBeGreaterThan(1); // so that the clip acts
    // m₁ = 0.1·g clipped to norm 1: a unit vector along ∇L is 10 m₁
    const along = (distance: number): NamedTensors => mapNamed(start, (x, name) => tf.add(x, tf.mul(moments.m[name], 10 * distance)));
    const slope = (lossAt(along(0.01)) - lossAt(along(-0.01))) / 0.02;
    expect(slope / norm).toBeCloseTo(1, 2);
  });
});

test('thirty steps learn three rows', () => {
  let params: NamedTensors = start;
  let moments = fresh();
  let loss = 0;
  for (let k = 1; k <= 30; k++) {
    const done = tf.tidy(() => {
      const { params: p, moments: m, loss: l } = step(params, moments, k, 1e-2);
      return { ...prefixed('p/', p), ...prefixed('m/', m.m), ...prefixed('u/', m.u), loss: l };
    });
    params = unprefixed('p/', done);
    moments = { m: unprefixed('m/', done), u: unprefixed('u/', done) };
    loss = done.loss.dataSync()[0];
  }
  expect(loss).toBeLessThan(0.5);
});

const prefixed = (prefix: string, tensors: NamedTensors): Record<string, Tensor> => Object.fromEntries(Object.entries(tensors).map(([name, t]) => [prefix + name, t]));
const unprefixed = (prefix: string, tensors: NamedTensors): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(prefix)).map(([name, t]) => [name.slice(prefix.length), t]));
