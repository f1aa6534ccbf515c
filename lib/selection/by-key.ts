import type { Candidates } from './types.js';

export interface LargestByKey {
  readonly candidates: Candidates;
  /** what rows are ordered by, descending; [n] */
  readonly keys: Float32Array | Float64Array;
  readonly count: number;
}

/**
 * Indices of the `count` largest keys, largest first, ties by id ascending. A first pass finds the border among the keys
 * alone (numbers in a typed array sort fast); ids are compared only among those at or above it.
 */
export function largestByKey({ candidates: { ids, excluded }, keys, count }: LargestByKey): Uint32Array {
  const allowed = Uint32Array.from({ length: ids.length }, (_, i) => i).filter((i) => excluded?.[i] !== 1);
  const wanted = Math.min(count, allowed.length);
  if (wanted === 0) return new Uint32Array(0);
  const sorted = new Float64Array(allowed.length);
  for (let i = 0; i < allowed.length; i++) sorted[i] = keys[allowed[i]];
  sorted.sort();
  const border = sorted[sorted.length - wanted];
  return allowed
    .filter((i) => keys[i] >= border)
    .sort((a, b) => (keys[a] === keys[b] ? compareIds(ids[a], ids[b]) : keys[a] > keys[b] ? -1 : 1))
    .slice(0, wanted);
}

/** By UTF-16 code units: the same in every locale. */
function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
