import { setImmediate as nextTurn } from 'node:timers/promises';
import { BYTE_CHARACTERS } from './bytes.js';
import { openCutter } from './cut-words.js';
import { createTokenizer, type Tokenizer } from './tokenizer.js';
import { PAIR_BASE } from './merges.js';
import { BYTE_LEVEL } from './pre-tokenizer.js';

export interface TrainTokenizer {
  readonly texts: AsyncIterable<string> | Iterable<string>;
  /** entries at most: the end-of-text token (id 0), the 256 bytes, then merges */
  readonly vocabularySize: number;
  /** bytes of text that training sees */
  readonly sampleBytes: number;
  /** called between merges; `share` of those that are wanted is done */
  readonly onProgress?: (share: number) => void | Promise<void>;
  /** called now and then within a long text */
  readonly onPause?: () => void | Promise<void>;
}

const END_OF_TEXT = '<|endoftext|>';

/** Merges between two turns of the event loop: some 10 ms. */
const MERGES_A_TURN = 64;
/** The same where words are long. */
const SYMBOLS_A_TURN = 1 << 17;
/** Characters of a text that are cut into words at a time. */
const SLICE = 1 << 16;
/** Longer words are kept as typed arrays. */
const LONG_WORD = 4_096;

/**
 * Byte-level BPE: the most frequent pair becomes a token, again and again; equal counts go to the pair with the smaller
 * ids. Counts are kept up to date by the words that a merge touches. A pair that occurs once is never merged.
 */
export async function trainTokenizer({ texts, vocabularySize, sampleBytes, onProgress, onPause }: TrainTokenizer): Promise<Tokenizer> {
  const { words, counts } = await countWords({ texts, sampleBytes, onPause });
  const tokens = [END_OF_TEXT, ...[...BYTE_CHARACTERS].sort()];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const idOfByte = BYTE_CHARACTERS.map((character) => ids.get(character) ?? 0);
  const symbols = words.map((word): number[] | Int32Array => {
    const bytes = Buffer.from(word, 'utf8');
    const symbolsOfWord = bytes.length > LONG_WORD ? new Int32Array(bytes.length) : new Array<number>(bytes.length);
    for (let i = 0; i < bytes.length; i++) symbolsOfWord[i] = idOfByte[bytes[i]];
    return symbolsOfWord;
  });
  const merges: [string, string][] = [];

  const pairCounts = new Map<number, number>();
  const pairWords = new Map<number, Set<number>>();
  const change = (pair: number, by: number, word: number): void => {
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + by);
    if (by <= 0) return;
    const where = pairWords.get(pair);
    if (where === undefined) pairWords.set(pair, new Set([word]));
    else where.add(word);
  };
  let seen = 0;
  const isDue = (count: number): boolean => (seen += count) >= SYMBOLS_A_TURN;
  /** Lets other things happen. */
  const pause = async (): Promise<void> => {
    seen = 0;
    await onProgress?.(tokens.length / vocabularySize);
    await nextTurn();
  };
  for (const [w, word] of symbols.entries()) {
    for (let start = 0; start < word.length; start += SYMBOLS_A_TURN) {
      const end = Math.min(word.length, start + SYMBOLS_A_TURN);
      for (let i = start; i < end && i + 1 < word.length; i++) change(word[i] * PAIR_BASE + word[i + 1], counts[w], w);
      if (isDue(end - start)) await pause();
    }
  }
  const queue = new PairQueue();
  for (const [pair, count] of pairCounts) queue.push({ pair, count });

  while (tokens.length < vocabularySize) {
    const best = queue.pop();
    if (best === undefined) break;
    const count = pairCounts.get(best.pair) ?? 0;
    if (count !== best.count) {
      if (count > 1) queue.push({ pair: best.pair, count });
      continue;
    }
    if (count < 2) break;
    const right = best.pair % PAIR_BASE;
    const left = (best.pair - right) / PAIR_BASE;
    const merged = tokens.length;
    merges.push([tokens[left], tokens[right]]);
    tokens.push(tokens[left] + tokens[right]);
    const touched = new Set<number>();
    for (const w of pairWords.get(best.pair) ?? []) {
      const word = symbols[w];
      const n = counts[w];
      let size = 0;
      for (let i = 0; i < word.length; ) {
        if (word.length > LONG_WORD && i % SYMBOLS_A_TURN < 2 && isDue(SYMBOLS_A_TURN / 2)) await pause();
        if (i + 1 === word.length || word[i] !== left || word[i + 1] !== right) {
          word[size++] = word[i++];
          continue;
        }
        change(best.pair, -n, w);
        if (size > 0) {
          change(word[size - 1] * PAIR_BASE + left, -n, w);
          change(word[size - 1] * PAIR_BASE + merged, n, w);
          touched.add(word[size - 1] * PAIR_BASE + merged);
        }
        if (i + 2 < word.length) {
          change(right * PAIR_BASE + word[i + 2], -n, w);
          change(merged * PAIR_BASE + word[i + 2], n, w);
          touched.add(merged * PAIR_BASE + word[i + 2]);
        }
        word[size++] = merged;
        i += 2;
      }
      if (Array.isArray(word)) word.length = size;
      else symbols[w] = word.subarray(0, size);
      if (isDue(size)) await pause();
    }
    pairWords.delete(best.pair);
    for (const pair of touched) queue.push({ pair, count: pairCounts.get(pair) ?? 0 });
    if (merges.length % MERGES_A_TURN === 0) await pause();
  }
  return createTokenizer({
    vocabulary: new Map(tokens.map((token, id) => [token, id])),
    merges,
    added: [{ id: 0, content: END_OF_TEXT, normalized: false, lstrip: false, rstrip: false }],
    endOfText: 0,
    normalizer: null,
    preTokenizer: BYTE_LEVEL,
    ignoreMerges: false,
  });
}

async function countWords({ texts, sampleBytes, onPause }: Pick<TrainTokenizer, 'texts' | 'sampleBytes' | 'onPause'>): Promise<{ words: string[]; counts: number[] }> {
  const occurrences = new Map<string, number>();
  const cutter = openCutter(BYTE_LEVEL, SLICE);
  const count = (word: string): void => {
    const times = occurrences.get(word);
    // a slice of a document would keep the whole document alive
    occurrences.set(times === undefined ? Buffer.from(word, 'utf16le').toString('utf16le') : word, (times ?? 0) + 1);
  };
  let left = sampleBytes;
  for await (const text of texts) {
    const sample = text.slice(0, left);
    for (const run of cutter.slices(sample, count)) {
      if (run !== undefined) count(run);
      if (sample.length <= SLICE) continue;
      await onPause?.();
      await nextTurn();
    }
    left -= Buffer.byteLength(text, 'utf8');
    if (left <= 0) break;
  }
  return { words: [...occurrences.keys()], counts: [...occurrences.values()] };
}

interface CountedPair {
  readonly pair: number;
  readonly count: number;
}

/** Highest count first, then the smaller pair: a binary heap whose entries may be out of date. */
class PairQueue {
  readonly #heap: CountedPair[] = [];

  push(entry: CountedPair): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): CountedPair | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: CountedPair, b: CountedPair): boolean {
  return a.count === b.count ? a.pair < b.pair : a.count > b.count;
}
