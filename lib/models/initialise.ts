import { randomStream } from '../random.js';
import type { NamedArrays, Shapes } from '../tensor/index.js';
import { sizeOf } from '../tensor/shapes.js';

export interface InitialiseInput {
  readonly shapes: Shapes;
  readonly seed: number | string;
  /** σ */
  readonly standardDeviation: number;
}

/**
 * Matrices N(0, σ), norm weights 1, biases 0. Every tensor has a stream of its own, so adding one changes no other.
 * @see method §5
 */
export function initialise({ shapes, seed, standardDeviation }: InitialiseInput): NamedArrays {
  const arrays: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const array = new Float32Array(sizeOf(shape));
    if (shape.length > 1) {
      const random = randomStream(seed, 'init', name);
      for (let i = 0; i < array.length; i++) array[i] = standardDeviation * random.normal();
    } else if (!name.endsWith('.bias')) {
      array.fill(1);
    }
    arrays[name] = array;
  }
  return arrays;
}
