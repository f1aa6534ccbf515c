import { tf } from './tf.js';
import type { NamedTensors } from './types.js';

export interface JoinedVectors {
  /** all tensors of one axis as one, the others as they are */
  join(a: NamedTensors): NamedTensors;
  /** what `join` made, or something of its names and shapes, under the names of before and in their order */
  separate(joined: NamedTensors): NamedTensors;
}

/**
 * For what is done element by element. Most tensors of a model are biases and scales of a layer, a percent of its weights: one by one
 * they would make most of a program's operations, and of the time until it is compiled.
 */
export function joinedVectors(like: NamedTensors): JoinedVectors {
  const vectors = Object.keys(like).filter((name) => like[name].rank === 1);
  const together = vectors.join(' ');
  const sizes = vectors.map((name) => like[name].size);
  if (vectors.length < 2) return { join: (a) => a, separate: (joined) => joined };
  return {
    join: (a) => ({
      ...Object.fromEntries(Object.entries(a).filter(([name]) => !vectors.includes(name))),
      [together]: tf.concat(vectors.map((name) => a[name])),
    }),
    separate: (joined) => {
      const parts = tf.split(joined[together], sizes);
      return Object.fromEntries(Object.keys(like).map((name) => [name, vectors.includes(name) ? parts[vectors.indexOf(name)] : joined[name]]));
    },
  };
}
