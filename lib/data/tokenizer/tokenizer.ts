import { BYTE_CHARACTERS, bytesOfToken } from './bytes.js';
import { mergeWord, PAIR_BASE, type Merges } from './merge.js';
import type { PreTokenizer } from './pre-tokenizer.js';
import { openSplit, splitBy, splitPattern, type Splitter } from './splits.js';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** matched in the text after normalisation, not before */
  readonly normalized: boolean;
  /** takes the white space before it, after it */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

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
  decode(ids: Iterable<number>): string;
  /** one more than the highest id */
  readonly vocabularySize: number;
  readonly endOfText: number;
  readonly parts: TokenizerParts;
}

/** Words kept with their ids, in two generations of this many: text repeats its words, and memory stays bounded. */
const CACHED_WORDS = 65_536;
/** Longer ones are rare and would fill the cache. */
const LONGEST_CACHED = 64;

/** Encodes as Hugging Face's `tokenizers` does, without added special tokens. */
export function createTokenizer(parts: TokenizerParts): Tokenizer {
  const { vocabulary, added, normalizer, preTokenizer, ignoreMerges, endOfText } = parts;
  const merges = indexMerges(parts);
  const idOfByte = BYTE_CHARACTERS.map((character) => vocabulary.get(character) ?? -1);
  const raw = addedPattern(added.filter((token) => !token.normalized));
  const normalised = addedPattern(added.filter((token) => token.normalized));
  const idOfAdded = new Map(added.map((token) => [token.content, token]));
  const eachWord = openPreTokenizer(preTokenizer);
  let young = new Map<string, number[]>();
  let old = new Map<string, number[]>();

  const encodeWord = (word: string): number[] => {
    const bytes = Buffer.from(word, 'utf8');
    if (ignoreMerges) {
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
  const encodePlain = (text: string, out: number[]): void => {
    eachWord(text, (word) => {
      const ids = cachedWord(word);
      for (let i = 0; i < ids.length; i++) out.push(ids[i]);
    });
  };
  /** plain pieces go to `plain`, added tokens straight out */
  const splitAdded = (text: string, by: RegExp | undefined, out: number[], plain: (piece: string) => void): void => {
    let start = 0;
    if (by !== undefined) {
      by.lastIndex = 0;
      for (let match = by.exec(text); match !== null; match = by.exec(text)) {
        const token = idOfAdded.get(match[0]);
        if (token === undefined) continue;
        const before = text.slice(start, match.index);
        const piece = token.lstrip ? before.replace(/\p{White_Space}+$/u, '') : before;
        if (piece !== '') plain(piece);
        out.push(token.id);
        start = by.lastIndex;
        if (token.rstrip) start += /^\p{White_Space}*/u.exec(text.slice(start))?.[0].length ?? 0;
        by.lastIndex = start;
      }
    }
    if (start < text.length) plain(start === 0 ? text : text.slice(start));
  };
  const contents = new Map<number, Uint8Array>();
  for (const [token, id] of vocabulary) contents.set(id, bytesOfToken(token) ?? Buffer.from(token, 'utf8'));
  for (const token of added) contents.set(token.id, Buffer.from(token.content, 'utf8'));
  let largestId = -1;
  for (const id of contents.keys()) largestId = Math.max(largestId, id);

  return {
    parts,
    endOfText,
    vocabularySize: largestId + 1,
    encode: (text) => {
      const out: number[] = [];
      splitAdded(text, raw, out, (piece) => {
        splitAdded(normalizer === 'NFC' ? piece.normalize('NFC') : piece, normalised, out, (plain) => encodePlain(plain, out));
      });
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
  };
}

/** Each splitter cuts the pieces of the one before. */
function openPreTokenizer({ splits, addPrefixSpace, useRegex }: PreTokenizer): Splitter {
  const byteLevel = splitBy(splitPattern());
  const last: Splitter = (text, word) => {
    const piece = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    if (useRegex) byteLevel(piece, word);
    else word(piece);
  };
  return splits.map(openSplit).reduceRight<Splitter>((next, split) => (text, word) => split(text, (piece) => next(piece, word)), last);
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

/** Leftmost, then longest: alternatives are tried in order. */
function addedPattern(tokens: readonly AddedToken[]): RegExp | undefined {
  if (tokens.length === 0) return undefined;
  const contents = tokens.map((token) => token.content).sort((a, b) => b.length - a.length);
  return new RegExp(contents.map((content) => content.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('|'), 'g');
}
