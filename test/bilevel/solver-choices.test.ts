import { describe, expect, test } from 'vitest';
import { gaussNewtonProduct, hessianProduct, outerStep, targetStates, type LowerLossInput, type SolverSettings } from '../../lib/bilevel/index.js';
import { mapNamed } from '../../lib/optim/index.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';
import { inner, norm, relativeDifference, solveByReference, solverNames, type Vector } from './reference-solvers.js';
import { direction, ids, mask, models, numbers, settingsWith, validationIds, weights } from './tiny.js';

const names = Object.keys(weights.proxy);
const vectorOf = (tensors: NamedTensors): Vector => names.map((name) => numbers(tensors[name]));
const tensorsOf = (vector: Vector): NamedTensors => Object.fromEntries(names.map((name, k) => [name, tf.tensor([...vector[k]], weights.proxy[name].shape)]));

/** the z of the outer step before */
const previous = direction(weights.proxy, 40);

const choices = solverNames.flatMap((method) =>
  (['zero', 'release', 'warm'] as const).flatMap((start) => (['hessian', 'gauss-newton'] as const).map((curvature) => ({ method, start, curvature }))),
);

describe('an outer step solves for z as it is told', () => {
  test.each(choices)('$method from a $start start with $curvature products', ({ method, start, curvature }) => {
    tf.tidy(() => {
      const solver: SolverSettings = { ...settingsWith().solver, method, start, curvature, steps: 3, learningRate: 0.05, damping: 0.2, residualClip: 0.3 };
      const settings = settingsWith({ solver });
      const zeros = (like: NamedTensors): NamedTensors => mapNamed(like, (x) => tf.zerosLike(x));
      const done = outerStep({
        models,
        settings,
        proxy: weights.proxy,
        score: weights.score,
        scoreMoments: { m: zeros(weights.score), u: zeros(weights.score) },
        target: weights.target,
        z: previous,
        normaliser: { max: tf.scalar(0), sum: tf.scalar(1) },
        validationIds,
        validationMask: tf.tensor2d(mask),
        ids,
        learningRate: tf.scalar(1e-3),
        corrections: { c1: tf.scalar(10), c2: tf.scalar(20) },
        first: tf.scalar(0),
      });

      const lower: LowerLossInput = {
        proxy: models.proxy,
        params: weights.proxy,
        batch: { ids, weights: done.weights, target: targetStates({ target: models.target, params: weights.target, ids }) },
        settings,
      };
      const products = curvature === 'hessian' ? hessianProduct(lower) : gaussNewtonProduct(lower);
      const sizes = names.map((name) => weights.proxy[name].size);
      const from = { zero: sizes.map((size) => new Array<number>(size).fill(0)), release: sizes.map((size) => new Array<number>(size).fill(1 / size)), warm: vectorOf(previous) }[start];
      const v = vectorOf(done.upperGradient);
      const expected = solveByReference({ product: (x) => vectorOf(products(tensorsOf(x))), gradient: v, start: from, settings: solver });

      const z = vectorOf(done.z);
      expect(relativeDifference(z, expected.z)).toBeLessThan(2e-5);
      expect(numbers(done.negativeCurvature)).toEqual([expected.negativeCurvature]);
      const close = (actual: number, wanted: number): void => expect(Math.abs(actual - wanted)).toBeLessThan(2e-5 * Math.max(1, Math.abs(wanted)));
      close(numbers(done.residualNorm)[0], expected.residualNorm);
      close(numbers(done.relativeResidual)[0], expected.residualNorm / norm(v));
      close(numbers(done.zNorm)[0], norm(z));
      close(numbers(done.zCosine)[0], inner(z, vectorOf(previous)) / norm(z) / norm(vectorOf(previous)) || 0);
    });
  });
});
