/** Two adjacent tokens → what they become, and when: the lowest rank merges first. */
export interface Merges {
  /** rank of the pair (left, right); undefined where it never merges */
  rank(left: number, right: number): number | undefined;
  /** id of the token that the merge of this rank makes */
  readonly result: Int32Array;
}

/** Ids stay far below this, so that a pair is one exact double. */
export const PAIR_BASE = 2 ** 24;

/** Words longer than this merge with a heap: looking at every pair for each merge is quadratic. */
const LONG_WORD = 64;

/** Applies the merges to the bytes' ids of one word. Ties of rank go to the leftmost pair. */
export function mergeWord(symbols: number[], merges: Merges): number[] {
  return symbols.length > LONG_WORD ? mergeLong(symbols, merges) : mergeShort(symbols, merges);
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

/** The same with a linked list of symbols and a heap of (rank, position); entries out of date are passed over. */
function mergeLong(symbols: number[], { rank, result }: Merges): number[] {
  const n = symbols.length;
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from({ length: n }, (_, i) => i + 1);
  const previous = Int32Array.from({ length: n }, (_, i) => i - 1);
  const heap: number[] = []; // rank · n + position: one exact double, ordered as wanted
  const push = (at: number): void => {
    const after = next[at];
    if (after >= n) return;
    const found = rank(ids[at], ids[after]);
    if (found !== undefined) pushHeap(heap, found * n + at);
  };
  for (let i = 0; i < n; i++) push(i);
  while (heap.length > 0) {
    const entry = popHeap(heap);
    const at = entry % n;
    const after = next[at];
    if (ids[at] < 0 || after >= n || rank(ids[at], ids[after]) !== (entry - at) / n) continue;
    ids[at] = result[(entry - at) / n];
    ids[after] = -1;
    next[at] = next[after];
    if (next[at] < n) previous[next[at]] = at;
    push(at);
    if (previous[at] >= 0) push(previous[at]);
  }
  const merged: number[] = [];
  for (let i = 0; i < n; i = next[i]) merged.push(ids[i]);
  return merged;
}

/** Binary heap of numbers, the smallest on top. */
export function pushHeap(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent] <= value) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = value;
}

export function popHeap(heap: number[]): number {
  const top = heap[0];
  const value = heap.pop() ?? top;
  const n = heap.length;
  if (n === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = value;
  return top;
}
