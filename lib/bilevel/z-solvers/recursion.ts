import { addNamed, globalNorm, scaleNamed, subtractNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { SolverSettings } from '../types.js';
import { zerosLikeNamed } from './residual.js';
import { solverOf, type SolverIteration, type ZSolver } from './solver.js';

/** what is done to a residual before it is added */
export type Shaping = (residual: NamedTensors, settings: SolverSettings) => { readonly direction: NamedTensors; readonly norms?: NamedTensors };

/** z ← z + η · shaped(v − (H + δI) z), `steps` times: a product each, but for the first from zero */
export function recursion(shaped: Shaping): ZSolver {
  const stepBy = (residualOf: (gradient: NamedTensors, product: () => NamedTensors) => NamedTensors): SolverIteration['step'] => (state, product, { gradient, settings }) => {
    const r = residualOf(gradient, product);
    const { direction, norms } = shaped(r, settings);
    const z = addNamed(state.vectors['z'], scaleNamed(direction, settings.learningRate));
    return { vectors: { z }, scalars: { residualNorm: globalNorm(r) }, ...(norms === undefined ? {} : { norms }) };
  };
  const fromZero: SolverIteration = { step: stepBy((gradient) => gradient) };
  const later: SolverIteration = { of: 'z', step: stepBy((gradient, product) => subtractNamed(gradient, product())) };
  return solverOf({
    keeps: { vectors: ['z'], scalars: ['residualNorm'] },
    begin: ({ start, gradient }) => ({ vectors: { z: start ?? zerosLikeNamed(gradient) }, scalars: { residualNorm: tf.scalar(0) } }),
    iterations: ({ steps, fromZero: isFromZero }) => Array.from({ length: steps }, (_, i) => (i === 0 && isFromZero ? fromZero : later)),
    residualNorm: ({ scalars }) => scalars['residualNorm'],
  });
}
