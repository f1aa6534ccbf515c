import { tf } from '../../tensor/index.js';
import type { Solution, ZSolver } from './solver.js';

/** z = v: first-order alignment, no curvature and no product.  @see method §10 */
export const identity: ZSolver = ({ gradient }): Solution => ({
  z: gradient,
  iterates: [gradient],
  residualNorm: tf.scalar(0),
  tensorResidualNorms: [],
  negativeCurvature: tf.scalar(0),
});
