import { tf } from '../../tensor/index.js';
import type { ZSolver } from './solver.js';

/** z = v: first-order alignment, no curvature and no product.  @see method §10 */
export const identity: ZSolver = {
  solve: ({ gradient }) => ({
    z: gradient,
    iterates: [gradient],
    residualNorm: tf.scalar(0),
    tensorResidualNorms: [],
    negativeCurvature: tf.scalar(0),
  }),
  products: () => 0,
};
