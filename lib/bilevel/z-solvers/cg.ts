import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { addNamed, scaleNamed, subtractNamed, sumOfSquares } from '../../optim/index.js';
import { innerProduct, tf, type NamedTensors } from '../../tensor/index.js';
import { zerosLikeNamed } from './residual.js';
import { solverOf, type SolverIteration, type SolverState, type ZSolver } from './solver.js';

/** of the residual of a start other than zero */
const residualOfStart: SolverIteration = {
  of: 'z',
  prepares: true,
  step: ({ vectors: { z }, scalars: { limit } }, product, { gradient }) => begun(limit, z, subtractNamed(gradient, product())),
};

const iteration: SolverIteration = { of: 'p', step: next };

/**
 * Conjugate gradients on (H + δI) z = v. It stops where the relative residual is at the tolerance, or where pᵀ(H + δI)p ≤ 0, with
 * the iterate reached before: H is indefinite away from a minimum, and a step along such a p would go to a saddle.
 *
 * A compiled step cannot branch on a value, so all iterations are computed and those after the stop take steps of length 0.
 * @see method §3
 */
export const cg: ZSolver = solverOf({
  keeps: { vectors: ['z', 'r', 'p'], scalars: ['limit', 'rr', 'running', 'negativeCurvature'] },
  begin: ({ start, gradient, settings }) => {
    const limit = tf.mul(sumOfSquares(gradient), settings.tolerance ** 2);
    return start === undefined ? begun(limit, zerosLikeNamed(gradient), gradient) : { vectors: { z: start }, scalars: { limit } };
  },
  iterations: ({ steps, fromZero }) => [...(fromZero ? [] : [residualOfStart]), ...Array.from({ length: steps }, () => iteration)],
  residualNorm: ({ scalars }) => tf.sqrt(scalars['rr']),
});

/** @param r residual of z */
const begun = (limit: Tensor, z: NamedTensors, r: NamedTensors): SolverState => ({ vectors: { z, r, p: r }, scalars: { limit, rr: sumOfSquares(r), running: tf.scalar(1), negativeCurvature: tf.scalar(0) } });

function next({ vectors: { z, r, p }, scalars: { limit, rr, running: before, negativeCurvature } }: SolverState, productOfP: () => NamedTensors): SolverState {
  const wanted = tf.mul(before, holds(tf.greater(rr, limit)));
  const product = productOfP();
  const pAp = innerProduct(p, product);
  const positive = holds(tf.greater(pAp, 0));
  const met = tf.add(negativeCurvature, tf.mul(wanted, tf.sub(1, positive)));
  const running = tf.mul(wanted, positive);
  const alpha = quotientWhile(running, rr, pAp);
  const moved = addNamed(z, scaleNamed(p, alpha));
  const rest = subtractNamed(r, scaleNamed(product, alpha));
  const restRr = sumOfSquares(rest);
  const beta = quotientWhile(running, restRr, rr);
  return { vectors: { z: moved, r: rest, p: addNamed(rest, scaleNamed(p, beta)) }, scalars: { limit, rr: restRr, running, negativeCurvature: met } };
}

/** 1 or 0 */
const holds = (condition: Tensor): Tensor => tf.cast(condition, 'float32');

/** a/b while running, else 0; b is never 0 then, and never divides when it is */
function quotientWhile(running: Tensor, a: Tensor, b: Tensor): Tensor {
  const runs = tf.greater(running, 0);
  return tf.mul(running, tf.div(a, tf.where(runs, b, tf.onesLike(b))));
}
