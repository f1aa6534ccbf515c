import { mapNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import { solverOf, type LinearSystem, type ZSolver } from './solver.js';

/** z = v, or v ⊘ (√û + ε) under AdamW's preconditioner: first-order alignment, no curvature and no product.  @see method §3, §10 */
export const identity: ZSolver = solverOf({
  keeps: { vectors: ['z'], scalars: [] },
  begin: (system) => ({ vectors: { z: preconditioned(system) }, scalars: {} }),
  iterations: () => [],
  residualNorm: () => tf.scalar(0),
});

function preconditioned({ gradient, preconditioner }: Omit<LinearSystem, 'curvature'>): NamedTensors {
  return preconditioner === undefined ? gradient : mapNamed(gradient, (v, name) => tf.div(v, preconditioner[name]));
}
