import type { Merges } from './merges.js';

/** Operations between two pauses: some milliseconds. */
const PAUSE = 1 << 14;

/**
 * The merges of a long word by a linked list of symbols and a heap of (rank, position): n log n, with a pause (`undefined`) now and then. Entries
 * of the heap that are out of date are passed over. Some 30 bytes of memory a symbol.
 *
 * @param ids of the bytes, [n]; written over
 * @returns ids of the tokens
 */
export function* mergeLong(ids: Int32Array, { rank, result }: Merges): Generator<undefined, Int32Array> {
  const n = ids.length;
  const next = new Int32Array(n);
  const previous = new Int32Array(n);
  const heap = new NumberHeap(n); // rank · n + position: one exact double, ordered as wanted
  const push = (at: number): void => {
    const after = next[at];
    if (after >= n) return;
    const found = rank(ids[at], ids[after]);
    if (found !== undefined) heap.push(found * n + at);
  };
  for (let i = 0; i < n; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (let i = 0; i < n; i++) {
    push(i);
    if (i % PAUSE === PAUSE - 1) yield;
  }
  for (let count = 1; heap.size > 0; count++) {
    if (count % PAUSE === 0) yield;
    const entry = heap.pop();
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
  let count = 0;
  for (let i = 0; i < n; i = next[i]) ids[count++] = ids[i];
  return ids.subarray(0, count);
}

/** Binary heap of numbers, the smallest on top. */
class NumberHeap {
  size = 0;
  #values: Float64Array;

  constructor(capacity: number) {
    this.#values = new Float64Array(Math.max(16, capacity));
  }

  push(value: number): void {
    if (this.size === this.#values.length) {
      const larger = new Float64Array(Math.ceil(this.size * 1.5));
      larger.set(this.#values);
      this.#values = larger;
    }
    const heap = this.#values;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent] <= value) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = value;
  }

  pop(): number {
    const heap = this.#values;
    const top = heap[0];
    const n = --this.size;
    const value = heap[n];
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
}
