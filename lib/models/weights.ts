import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { NamedTensors } from '../tensor/index.js';

/** one tensor by the end of its name */
export type Weights = (name: string) => Tensor;

/** @returns throws RangeError for a name that is not there */
export function byName(params: NamedTensors): Weights {
  return (name) => {
    if (!Object.hasOwn(params, name)) throw new RangeError(`the weights lack ${name}`);
    return params[name];
  };
}

/** Those whose names begin with `prefix.`, by the rest. */
export const within =
  (weights: Weights, prefix: string): Weights =>
  (name) =>
    weights(`${prefix}.${name}`);
