import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { addNamed, scaleNamed, subtractNamed, sumOfSquares } from '../../optim/index.js';
import { innerProduct, tf, type NamedTensors } from '../../tensor/index.js';
import { dampedProduct, residual, zerosLikeNamed } from './residual.js';
import type { LinearSystem, Solution, ZSolver } from './solver.js';

/**
 * Conjugate gradients on (H + δI) z = v. It stops where the relative residual is at the tolerance, or where pᵀ(H + δI)p ≤ 0, with
 * the iterate reached before: H is indefinite away from a minimum, and a step along such a p would go to a saddle.
 *
 * A compiled step cannot branch on a value, so all iterations are computed and those after the stop take steps of length 0.
 * @see method §3
 */
export const cg: ZSolver = {
  solve,
  // one an iteration, and that of the residual of a start other than zero
  products: ({ steps, start }) => steps + (start === 'zero' ? 0 : 1),
};

function solve(system: LinearSystem): Solution {
  const { start, gradient, settings } = system;
  const limit = tf.mul(sumOfSquares(gradient), settings.tolerance ** 2);
  let z = start ?? zerosLikeNamed(gradient);
  let r = residual(system, start);
  let p = r;
  let rr = sumOfSquares(r);
  let running: Tensor = tf.scalar(1);
  let negativeCurvature: Tensor = tf.scalar(0);
  const iterates: NamedTensors[] = [];
  for (let i = 0; i < settings.steps; i++) {
    running = tf.mul(running, holds(tf.greater(rr, limit)));
    const product = dampedProduct(system, p);
    const pAp = innerProduct(p, product);
    const positive = holds(tf.greater(pAp, 0));
    negativeCurvature = tf.add(negativeCurvature, tf.mul(running, tf.sub(1, positive)));
    running = tf.mul(running, positive);
    const alpha = quotientWhile(running, rr, pAp);
    z = addNamed(z, scaleNamed(p, alpha));
    iterates.push(z);
    const next = subtractNamed(r, scaleNamed(product, alpha));
    const nextRr = sumOfSquares(next);
    const beta = quotientWhile(running, nextRr, rr);
    p = addNamed(next, scaleNamed(p, beta));
    r = next;
    rr = nextRr;
  }
  return { z, iterates, residualNorm: tf.sqrt(rr), tensorResidualNorms: [], negativeCurvature };
}

/** 1 or 0 */
const holds = (condition: Tensor): Tensor => tf.cast(condition, 'float32');

/** a/b while running, else 0; b is never 0 then, and never divides when it is */
function quotientWhile(running: Tensor, a: Tensor, b: Tensor): Tensor {
  const runs = tf.greater(running, 0);
  return tf.mul(running, tf.div(a, tf.where(runs, b, tf.onesLike(b))));
}
