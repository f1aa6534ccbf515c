import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { addNamed, globalNorm, scaleNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { SolverSettings } from '../types.js';
import { residual, zerosLikeNamed } from './residual.js';
import type { LinearSystem, Solution, ZSolver } from './solver.js';

/** what is done to a residual before it is added */
export type Shaping = (residual: NamedTensors, settings: SolverSettings) => { readonly direction: NamedTensors; readonly norms?: NamedTensors };

/** z ← z + η · shaped(v − (H + δI) z), `steps` times: a product each, but for the first from zero */
export function recursion(shaped: Shaping): ZSolver {
  return { solve: (system) => iterate(system, shaped), products: ({ steps, start }) => (start === 'zero' ? steps - 1 : steps) };
}

function iterate(system: LinearSystem, shaped: Shaping): Solution {
  const { start, gradient, settings } = system;
  let z = start ?? zerosLikeNamed(gradient);
  let residualNorm: Tensor = tf.scalar(0);
  const iterates: NamedTensors[] = [];
  const tensorResidualNorms: NamedTensors[] = [];
  for (let i = 0; i < settings.steps; i++) {
    const r = residual(system, i === 0 ? start : z);
    const { direction, norms } = shaped(r, settings);
    z = addNamed(z, scaleNamed(direction, settings.learningRate));
    residualNorm = globalNorm(r);
    iterates.push(z);
    if (norms !== undefined) tensorResidualNorms.push(norms);
  }
  return { z, iterates, residualNorm, tensorResidualNorms, negativeCurvature: tf.scalar(0) };
}
