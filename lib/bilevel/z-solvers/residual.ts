import { addNamed, mapNamed, scaleNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { CurvatureProduct } from '../curvature-product.js';
import type { SolverSettings } from '../types.js';

/** (H + δI)·direction */
export function dampedProduct({ curvature, settings }: { readonly curvature: CurvatureProduct; readonly settings: Pick<SolverSettings, 'damping'> }, direction: NamedTensors): NamedTensors {
  return addNamed(curvature(direction), scaleNamed(direction, settings.damping));
}

export function zerosLikeNamed(vector: NamedTensors): NamedTensors {
  return mapNamed(vector, (x) => tf.zerosLike(x));
}
