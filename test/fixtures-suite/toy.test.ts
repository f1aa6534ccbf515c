import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, test } from 'vitest';
import { exactWeights, hypergradient, zSolvers, type SolverSettings } from '../../lib/bilevel/index.js';
import { directionalDerivative, innerProduct, Program, tf, valueAndGradients, type NamedTensors } from '../../lib/tensor/index.js';
import { expectScalar, expectVector } from './compare.js';
import { holds, inFixtures, lacks, readJson } from './folder.js';
import { modes, type Mode } from './modes.js';
import { flatten, one, Shapes, type NamedValues } from './values.js';

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
  readonly F: number;
  readonly gradF: number[];
  readonly H: number[][];
  readonly z: number[];
  readonly a: number[];
  readonly aBar: number;
  readonly hypergradient: number[];
  readonly finiteDifference: number[];
}

const toys = holds('outer-step', 'toy.json') ? readJson<Toy[]>(inFixtures('outer-step', 'toy.json')) : [];
if (toys.length === 0) lacks('outer-step/toy.json');

describe.each(toys.flatMap((toy) => modes.map((mode) => ({ ...toy, mode }))))('quadratic problem of seed $seed, solved exactly, $mode', ({ mode, ...toy }) => {
  test('z, a_i and the whole derivative, sign included', async () => {
    const actual = await solve(toy, mode);
    expectVector('scores', one(actual, 'scores'), toy.scores, 3e-7);
    expectVector('weights', one(actual, 'weights'), toy.weights, 3e-7);
    expectVector('L_i', one(actual, 'losses'), toy.L, 3e-6);
    expect(Math.max(...Array.from(one(actual, 'gradient').values, Math.abs)), 'θ* is the minimum').toBeLessThan(1e-6);
    expectScalar('F', one(actual, 'F').values[0], toy.F, 1e-6);
    expectVector('∇F', one(actual, 'gradF'), toy.gradF, 1e-6);
    expectVector('H', one(actual, 'H'), toy.H.flat(), 1e-6);
    expectVector('z', one(actual, 'z'), toy.z, 3e-6);
    expectVector('a_i', one(actual, 'a'), toy.a, 3e-6);
    expectScalar('ā', one(actual, 'meanAlignment').values[0], toy.aBar, 3e-6, Math.max(...toy.a.map(Math.abs)));
    expectVector('∇Φ', one(actual, 'hypergradient'), toy.hypergradient, 3e-6);
    expectVector('∇Φ, finite difference', one(actual, 'hypergradient'), toy.finiteDifference, 3e-6);
  });
});

async function solve(toy: Toy, mode: Mode): Promise<NamedValues> {
  const [n, rows, size] = [toy.A.length, toy.b[0].length, toy.thetaStar.length];
  const program = new Program('toy', { mode });
  const shapes = new Shapes();
  program.entry('solve', { theta: { shape: [size], dtype: 'float32' }, thetaS: { shape: [toy.thetaS.length], dtype: 'float32' } }, ({ theta: at, thetaS }) => {
    const A = tf.tensor2d(toy.A.flat());
    const column = (x: Tensor): Tensor => tf.reshape(x, [-1, 1]);
    const losses = ({ theta }: NamedTensors): Tensor => tf.mul(tf.mean(tf.square(tf.sub(tf.reshape(tf.matMul(A, column(theta)), [n, rows]), tf.tensor2d(toy.b))), 1), 0.5);
    const upper = ({ theta }: NamedTensors): Tensor => tf.mul(tf.mean(tf.square(tf.sub(tf.reshape(tf.matMul(tf.tensor2d(toy.C), column(theta)), [toy.e.length]), tf.tensor1d(toy.e)))), 0.5);
    const scoresOf = ({ w, bias }: NamedTensors): Tensor => tf.sigmoid(tf.add(tf.reshape(tf.matMul(tf.tensor2d(toy.X), column(w)), [n]), bias));

    const theta = { theta: at };
    const scoreParams = { w: tf.slice(thetaS, [0], [toy.thetaS.length - 1]), bias: tf.slice(thetaS, [toy.thetaS.length - 1], [1]) };
    const scores = scoresOf(scoreParams);
    const weights = exactWeights({ scores, weights: 'softmax' });
    const lower = (params: NamedTensors): Tensor => tf.add(tf.sum(tf.mul(weights, losses(params))), tf.mul(innerProduct(params, params), toy.lam));
    const gradient = (params: NamedTensors): NamedTensors => valueAndGradients(lower, params).gradients;
    const { value: F, gradients: v } = valueAndGradients(upper, theta);
    const curvature = (direction: NamedTensors): NamedTensors => valueAndGradients((p) => innerProduct(gradient(p), direction), theta).gradients;
    const unit = (i: number): NamedTensors => ({ theta: tf.tensor1d(Array.from({ length: size }, (_, j) => (i === j ? 1 : 0))) });
    const H = tf.stack(Array.from({ length: size }, (_, i) => curvature(unit(i))['theta']));

    const settings: SolverSettings = { method: 'cg', steps: size + 2, learningRate: 1, damping: 0, residualClip: 1, tolerance: 0, start: 'zero', curvature: 'hessian' };
    const { z } = zSolvers.cg.solve({ curvature, gradient: v, start: undefined, settings });
    const alignment = directionalDerivative(losses, theta, z, [n]);
    const outcome = hypergradient({ scoresOf, scoreParams, scores, alignment, weights: 'softmax' });
    const whole = tf.concat([outcome.hypergradient['w'], outcome.hypergradient['bias']]);
    return shapes.note('solve', flatten({ scores, weights, losses: losses(theta), gradient: gradient(theta)['theta'], F, gradF: v['theta'], H, z: z['theta'], a: alignment, meanAlignment: outcome.meanAlignment, hypergradient: whole }));
  });
  await program.build();
  const outputs = shapes.of('solve', program.call('solve', { theta: Float32Array.from(toy.thetaStar), thetaS: Float32Array.from(toy.thetaS) }));
  program.dispose();
  return outputs;
}
