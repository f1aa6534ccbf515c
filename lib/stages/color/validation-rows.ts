import type { HeldOutExample } from '../../data/types.js';
import { permutation } from '../../random.js';

/**
 * Validation passages one after the other, cut into rows of T tokens; the last row is filled up with the first passages, so that no token is left out.
 * @returns int32 [T] each
 */
export function validationRows(examples: readonly HeldOutExample[], sequenceLength: number): Int32Array[] {
  const tokens = examples.reduce((sum, { length }) => sum + length, 0);
  const stream = new Int32Array(tokens);
  let at = 0;
  for (const example of examples) {
    stream.set(example.tokens.subarray(0, example.length), at);
    at += example.length;
  }
  return Array.from({ length: Math.ceil(tokens / sequenceLength) }, (_, row) => Int32Array.from({ length: sequenceLength }, (_none, i) => stream[(row * sequenceLength + i) % tokens]));
}

/** Minibatches that go through all rows in one order after another: a pure function of (seed, step). @returns int32 [batchSize · T] */
export function validationBatches({ rows, batchSize, seed }: { readonly rows: readonly Int32Array[]; readonly batchSize: number; readonly seed: string }): (step: number) => Int32Array {
  let order: { readonly epoch: number; readonly at: Uint32Array } | undefined;
  const rowAt = (place: number): Int32Array => {
    const epoch = Math.floor(place / rows.length);
    if (order?.epoch !== epoch) order = { epoch, at: permutation(rows.length, seed, 'fine-tune', epoch) };
    return rows[order.at[place % rows.length]];
  };
  return (step) => {
    const ids = new Int32Array(batchSize * rows[0].length);
    for (let i = 0; i < batchSize; i++) ids.set(rowAt(step * batchSize + i), i * rows[0].length);
    return ids;
  };
}
