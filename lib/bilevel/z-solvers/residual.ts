import { addNamed, mapNamed, scaleNamed, subtractNamed } from '../../optim/index.js';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { LinearSystem } from './solver.js';

/** (H + δI)·direction */
export function dampedProduct({ curvature, settings }: LinearSystem, direction: NamedTensors): NamedTensors {
  return addNamed(curvature(direction), scaleNamed(direction, settings.damping));
}

/** v − (H + δI) z; v itself at z = 0, without a product */
export function residual(system: LinearSystem, z: NamedTensors | undefined): NamedTensors {
  return z === undefined ? system.gradient : subtractNamed(system.gradient, dampedProduct(system, z));
}

export function zerosLikeNamed(vector: NamedTensors): NamedTensors {
  return mapNamed(vector, (x) => tf.zerosLike(x));
}
