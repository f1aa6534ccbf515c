import { mapNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { LinearSystem, ZSolver } from './solver.js';

/** z = v, or v ⊘ (√û + ε) under AdamW's preconditioner: first-order alignment, no curvature and no product.  @see method §3, §10 */
export const identity: ZSolver = {
  solve: (system) => {
    const z = preconditioned(system);
    return { z, iterates: [z], residualNorm: tf.scalar(0), tensorResidualNorms: [], negativeCurvature: tf.scalar(0) };
  },
  products: () => 0,
};

function preconditioned({ gradient, preconditioner }: LinearSystem): NamedTensors {
  return preconditioner === undefined ? gradient : mapNamed(gradient, (v, name) => tf.div(v, preconditioner[name]));
}
