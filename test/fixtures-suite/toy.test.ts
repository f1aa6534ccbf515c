import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { afterAll, describe, expect, test } from 'vitest';
import { exactWeights, hypergradient, zSolvers, type SolverSettings } from '../../lib/bilevel/index.js';
import { directionalDerivative, innerProduct, tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { expectVector, report } from './compare.js';
import { holds, inFixtures, readJson } from './folder.js';

/** L_i = mean of ½(A_i θ − b_i)²; G = Σ P_i L_i + λ|θ|²; F = mean of ½(C θ − e)²; s_i = sigmoid(X_i · w + bias) */
interface Toy {
  readonly seed: number;
  readonly A: number[][][];
  readonly b: number[][];
  readonly X: number[][];
  readonly C: number[][];
  readonly e: number[];
  readonly thetaS: number[];
  readonly lam: number;
  readonly thetaStar: number[];
  readonly scores: number[];
  readonly weights: number[];
  readonly L: number[];
  readonly gradF: number[];
  readonly z: number[];
  readonly a: number[];
  readonly hypergradient: number[];
  readonly finiteDifference: number[];
}

describe.skipIf(!holds('outer-step', 'toy.json'))('quadratic problems, solved exactly', () => {
  const toys = holds('outer-step', 'toy.json') ? readJson<Toy[]>(inFixtures('outer-step', 'toy.json')) : [];
  afterAll(() => report('toy'));

  test.each(toys)('seed $seed: z, a_i and the whole derivative, sign included', (toy) => {
    tf.tidy(() => {
      const [n, rows] = [toy.A.length, toy.b[0].length];
      const A = tf.tensor2d(toy.A.flat());
      const losses = ({ theta }: NamedTensors): Tensor => {
        const errors = tf.sub(tf.reshape(tf.matMul(A, tf.reshape(theta, [-1, 1])), [n, rows]), tf.tensor2d(toy.b));
        return tf.mul(tf.mean(tf.square(errors), 1), 0.5);
      };
      const upper = ({ theta }: NamedTensors): Tensor => tf.mul(tf.mean(tf.square(tf.sub(tf.reshape(tf.matMul(tf.tensor2d(toy.C), tf.reshape(theta, [-1, 1])), [-1]), tf.tensor1d(toy.e)))), 0.5);
      const scoresOf = ({ w, bias }: NamedTensors): Tensor => tf.sigmoid(tf.add(tf.reshape(tf.matMul(tf.tensor2d(toy.X), tf.reshape(w, [-1, 1])), [n]), bias));

      const theta = { theta: tf.tensor1d(toy.thetaStar) };
      const scoreParams = { w: tf.tensor1d(toy.thetaS.slice(0, -1)), bias: tf.tensor1d(toy.thetaS.slice(-1)) };
      const scores = scoresOf(scoreParams);
      const weights = exactWeights({ scores, weights: 'softmax' });
      expectVector('scores', scores, toy.scores, 1e-6);
      expectVector('weights', weights, toy.weights, 1e-6);
      expectVector('L_i', losses(theta), toy.L, 1e-5);

      const lower = (params: NamedTensors): Tensor => tf.add(tf.sum(tf.mul(weights, losses(params))), tf.mul(innerProduct(params, params), toy.lam));
      const gradient = (params: NamedTensors): NamedTensors => valueAndGradients(lower, params).gradients;
      expect(Math.max(...gradient(theta)['theta'].abs().dataSync()), 'θ* is the minimum').toBeLessThan(1e-6);
      const v = valueAndGradients(upper, theta).gradients;
      expectVector('∇F', v['theta'], toy.gradF, 1e-5);

      const settings: SolverSettings = { method: 'cg', steps: toy.thetaStar.length + 2, learningRate: 1, damping: 0, residualClip: 1, tolerance: 0, start: 'zero', curvature: 'hessian' };
      const curvature = (direction: NamedTensors): NamedTensors => valueAndGradients((p) => innerProduct(gradient(p), direction), theta).gradients;
      const { z } = zSolvers.cg({ curvature, gradient: v, start: undefined, settings });
      expectVector('z', z['theta'], toy.z, 1e-5);

      const alignment = directionalDerivative(losses, theta, z, [n]);
      expectVector('a_i', alignment, toy.a, 1e-5);
      const outcome = hypergradient({ scoresOf, scoreParams, scores, alignment, weights: 'softmax' });
      const flat = tf.concat([outcome.hypergradient['w'], outcome.hypergradient['bias']]);
      expectVector('∇Φ', flat, toy.hypergradient, 2e-5);
      expectVector('∇Φ, finite difference', flat, toy.finiteDifference, 2e-5);
    });
  });
});
