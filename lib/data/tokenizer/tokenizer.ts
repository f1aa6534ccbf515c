import { BYTE_CHARACTERS, bytesOfToken } from './bytes.js';
import { openAdded, type AddedToken } from './added-tokens.js';
import { openCutter } from './cut-words.js';
import { mergeLong } from './merge-long.js';
import { mergeWord } from './merge.js';
import { PAIR_BASE, type Merges } from './merges.js';
import { composed } from './normal-form.js';
import type { PreTokenizer } from './pre-tokenizer.js';

/** What a byte-level BPE is made of. */
export interface TokenizerParts {
  /** token → id; every byte that occurs in UTF-8 has an entry */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** pairs in the order they merge */
  readonly merges: readonly (readonly [string, string])[];
  readonly added: readonly AddedToken[];
  readonly endOfText: number;
  readonly normalizer: 'NFC' | null;
  readonly preTokenizer: PreTokenizer;
  /** a word that is an entry as a whole is not merged up to it */
  readonly ignoreMerges: boolean;
}

export interface Tokenizer {
  encode(text: string): number[];
  /** The same in pieces, empty ones among them, of some milliseconds' work each: whoever encodes a long text can do other things between. @throws RangeError for a word of more than 64 MiB */
  encodePieces(text: string): Iterable<ArrayLike<number>>;
  decode(ids: Iterable<number>): string;
  /** UTF-8 bytes of what they stand for, wherever they begin and end within a character */
  byteLength(ids: Iterable<number>): number;
  /** one more than the highest id */
  readonly vocabularySize: number;
  readonly endOfText: number;
  readonly parts: TokenizerParts;
}

/** Words kept with their ids, in two generations of this many: text repeats its words, and memory stays bounded. */
const CACHED_WORDS = 65_536;
/** Longer ones are rare and would fill the cache. */
const LONGEST_CACHED = 64;
/** Characters, or ids, between two pauses. */
const SLICE = 1 << 16;
/** Bytes of a word that is merged: its memory is some thirty times as much. */
const LONGEST_WORD = 2 ** 26;
const NONE: ArrayLike<number> = [];

/** Encodes as Hugging Face's `tokenizers` does, without added special tokens. */
export function createTokenizer(parts: TokenizerParts): Tokenizer {
  const { vocabulary, added, normalizer, preTokenizer, ignoreMerges, endOfText } = parts;
  const merges = indexMerges(parts);
  const idOfByte = BYTE_CHARACTERS.map((character) => vocabulary.get(character) ?? -1);
  const raw = openAdded(added.filter((token) => !token.normalized));
  const normalised = openAdded(added.filter((token) => token.normalized));
  const cutter = openCutter(preTokenizer, SLICE);
  let longestEntry = 0;
  for (const token of vocabulary.keys()) longestEntry = Math.max(longestEntry, token.length);
  let young = new Map<string, number[]>();
  let old = new Map<string, number[]>();

  const encodeWord = (word: string): number[] => {
    const bytes = Buffer.from(word, 'utf8');
    if (ignoreMerges && bytes.length <= longestEntry) {
      const whole = vocabulary.get(Array.from(bytes, (byte) => BYTE_CHARACTERS[byte]).join(''));
      if (whole !== undefined) return [whole];
    }
    return mergeWord(Array.from(bytes, (byte) => idOfByte[byte]), merges);
  };
  const cachedWord = (word: string): number[] => {
    let ids = young.get(word);
    if (ids !== undefined) return ids;
    ids = old.get(word) ?? encodeWord(word);
    if (word.length > LONGEST_CACHED) return ids;
    if (young.size >= CACHED_WORDS) {
      old = young;
      young = new Map();
    }
    // a slice of a document would keep the whole document alive
    young.set(Buffer.from(word, 'utf16le').toString('utf16le'), ids);
    return ids;
  };
  const encodeRun = function* (word: string): Generator<ArrayLike<number>> {
    const bytes = Buffer.from(word, 'utf8');
    if (bytes.length > LONGEST_WORD) throw new RangeError(`a run of ${bytes.length} bytes that nothing cuts into words, beginning with ${JSON.stringify(word.slice(0, 20))}; at most ${LONGEST_WORD} are encoded`);
    const ids = new Int32Array(bytes.length);
    for (let at = 0; at < ids.length; at++) {
      ids[at] = idOfByte[bytes[at]];
      if (at % SLICE === SLICE - 1) yield NONE;
    }
    const merging = mergeLong(ids, merges);
    for (;;) {
      const { done, value } = merging.next();
      if (done !== true) yield NONE;
      else {
        for (let at = 0; at < value.length; at += SLICE) yield value.subarray(at, at + SLICE);
        return;
      }
    }
  };
  const encodePieces = function* (text: string): Generator<ArrayLike<number>> {
    let out: number[] = [];
    const word = (piece: string): void => {
      const ids = cachedWord(piece);
      for (let i = 0; i < ids.length; i++) out.push(ids[i]);
    };
    const flush = (): number[] => {
      const ids = out;
      out = [];
      return ids;
    };
    for (const part of raw.split(text)) {
      if (part === undefined) yield flush();
      else if (typeof part === 'number') out.push(part);
      else {
        for (const inner of normalised.split(normalizer === 'NFC' ? yield* pausing(composed(part, SLICE)) : part)) {
          if (inner === undefined) yield flush();
          else if (typeof inner === 'number') out.push(inner);
          else if (inner.length <= SLICE) cutter.each(inner, word);
          else {
            for (const run of cutter.slices(inner, word)) {
              yield flush();
              if (run !== undefined) yield* encodeRun(run);
            }
          }
        }
      }
    }
    yield flush();
  };
  const contents = new Map<number, Uint8Array>();
  for (const [token, id] of vocabulary) contents.set(id, bytesOfToken(token) ?? Buffer.from(token, 'utf8'));
  for (const token of added) contents.set(token.id, Buffer.from(token.content, 'utf8'));
  let largestId = -1;
  for (const id of contents.keys()) largestId = Math.max(largestId, id);

  return {
    encodePieces,
    parts,
    endOfText,
    vocabularySize: largestId + 1,
    encode: (text) => {
      const out: number[] = [];
      if (text === '') return out; // a prefix space goes before something
      if (text.length <= SLICE && !raw.occurIn(text)) {
        const plain = normalizer === 'NFC' ? text.normalize('NFC') : text;
        if (!normalised.occurIn(plain)) {
          cutter.each(plain, (piece) => {
            const ids = cachedWord(piece);
            for (let i = 0; i < ids.length; i++) out.push(ids[i]);
          });
          return out;
        }
      }
      for (const ids of encodePieces(text)) for (let i = 0; i < ids.length; i++) out.push(ids[i]);
      return out;
    },
    decode: (ids) => {
      const pieces: Uint8Array[] = [];
      for (const id of ids) {
        const bytes = contents.get(id);
        if (bytes !== undefined) pieces.push(bytes);
      }
      return Buffer.concat(pieces).toString('utf8');
    },
    byteLength: (ids) => {
      let bytes = 0;
      for (const id of ids) bytes += contents.get(id)?.length ?? 0;
      return bytes;
    },
  };
}

/** What a generator gives at its end, its pauses as pieces without ids. */
function* pausing<T>(steps: Generator<undefined, T>): Generator<ArrayLike<number>, T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    yield NONE;
  }
}

function indexMerges({ vocabulary, merges }: TokenizerParts): Merges {
  const ranks = new Map<number, number>();
  const result = new Int32Array(merges.length);
  merges.forEach(([left, right], rank) => {
    const a = vocabulary.get(left);
    const b = vocabulary.get(right);
    const ab = vocabulary.get(left + right);
    if (a === undefined || b === undefined || ab === undefined) throw new RangeError(`merge ${rank} (${left} ${right}) has no entries in the vocabulary`);
    const pair = a * PAIR_BASE + b;
    if (!ranks.has(pair)) ranks.set(pair, rank);
    result[rank] = ab;
  });
  return { rank: (left, right) => ranks.get(left * PAIR_BASE + right), result };
}
