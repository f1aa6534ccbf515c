import { mergeLong } from './merge-long.js';
import type { Merges } from './merges.js';

/** Words longer than this merge with a heap: looking at every pair for each merge is quadratic. */
const LONG_WORD = 64;

/** Applies the merges to the bytes' ids of one word. Ties of rank go to the leftmost pair. */
export function mergeWord(symbols: number[], merges: Merges): number[] {
  if (symbols.length <= LONG_WORD) return mergeShort(symbols, merges);
  const steps = mergeLong(Int32Array.from(symbols), merges);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return Array.from(value);
  }
}

function mergeShort(symbols: number[], { rank, result }: Merges): number[] {
  const ids = symbols.slice();
  while (ids.length > 1) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < ids.length; i++) {
      const found = rank(ids[i], ids[i + 1]);
      if (found !== undefined && found < best) {
        best = found;
        at = i;
      }
    }
    if (at < 0) break;
    ids[at] = result[best];
    ids.splice(at + 1, 1);
  }
  return ids;
}
