import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { addNamed, globalNorm, scaleNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import { residual, zerosLikeNamed } from './residual.js';
import type { LinearSystem, Solution } from './solver.js';

/** what is done to a residual before it is added */
export type Shaping = (residual: NamedTensors) => { readonly direction: NamedTensors; readonly norms?: NamedTensors };

/** z ← z + η · shaped(v − (H + δI) z), `steps` times */
export function recursion(system: LinearSystem, shaped: Shaping): Solution {
  const { start, gradient, settings } = system;
  let z = start ?? zerosLikeNamed(gradient);
  let residualNorm: Tensor = tf.scalar(0);
  const iterates: NamedTensors[] = [];
  const tensorResidualNorms: NamedTensors[] = [];
  for (let i = 0; i < settings.steps; i++) {
    const r = residual(system, i === 0 ? start : z);
    const { direction, norms } = shaped(r);
    z = addNamed(z, scaleNamed(direction, settings.learningRate));
    residualNorm = globalNorm(r);
    iterates.push(z);
    if (norms !== undefined) tensorResidualNorms.push(norms);
  }
  return { z, iterates, residualNorm, tensorResidualNorms, negativeCurvature: tf.scalar(0) };
}
