import { passagesByTokens } from './passages-by-tokens.js';
import type { FindPassages, Passage, PassageTokenizer } from './passage.js';
import type { Document } from './types.js';

/** Passages with less context than this, or than a quarter of T, tell little of their last word. */
const MIN_CONTEXT_TOKENS = 32;
/** A passage that ends with a sentence is preferred down to this share of T. */
const SHORTEST_SENTENCE_END = 0.5;
/** Characters that no token has: a segment with more for each of T tokens is longer than T. */
const MOST_CHARACTERS = 1_024;
/** Segments between two pauses. */
const SEGMENTS_A_TURN = 4_096;

/** one blank, letters with their marks, then perhaps what closes a clause; the passage ends with the letters */
const LAST_WORD = /^ (\p{L}[\p{L}\p{M}]+)([.!?,;:"')\]।॥؟،؛۔]*)$/u;
const SENTENCE_END = /[.!?।॥؟۔]/;

/** scripts whose words have no blanks between them */
const WITHOUT_BLANKS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/gu;
/** characters that tell which script a document is in */
const LOOKED_AT = 1 << 16;

/** Whether most letters of a text are of scripts that write no blanks between words: there no last word can be had. */
export function isWithoutBlanks(text: string): boolean {
  const start = text.slice(0, LOOKED_AT);
  return 2 * (start.match(WITHOUT_BLANKS)?.length ?? 0) > (start.match(/\p{L}/gu)?.length ?? 0);
}

export interface PassagesOf {
  readonly document: Pick<Document, 'id' | 'text'>;
  readonly tokenizer: PassageTokenizer;
  /** T */
  readonly sequenceLength: number;
}

/**
 * LAMBADA-like passages of a document: at most T tokens, ending in a whole word of at least two letters, at the end of a
 * sentence where one comes late enough; of a text without blanks in a token of letters. Passages of a document don't overlap.
 * `undefined` is a pause: a document may be long.
 */
export function* passagesOf({ document, tokenizer, sequenceLength }: PassagesOf): Generator<Passage | undefined> {
  const limits = { least: Math.min(MIN_CONTEXT_TOKENS, Math.floor(sequenceLength / 4)), sentence: SHORTEST_SENTENCE_END * sequenceLength, most: sequenceLength };
  const found = isWithoutBlanks(document.text) ? passagesByTokens({ text: document.text, tokenizer, limits }) : passagesByWords({ text: document.text, tokenizer, limits });
  let count = 0;
  for (const passage of found) yield passage === undefined ? undefined : { id: `${document.id}#${String(count++).padStart(5, '0')}`, ...passage };
}

/**
 * A word with the white space before it is encoded alone: the split never joins what stands on both sides of the start of
 * white space, so the parts' ids are the whole's.
 */
function* passagesByWords({ text, tokenizer, limits }: FindPassages): Generator<Omit<Passage, 'id'> | undefined> {
  const segments = new Segments(text.trim());
  let tokens: number[] = [];
  /** the best end so far: context of `context` tokens, then the word */
  let best: { context: number; word: readonly number[]; next: number; good: boolean } | undefined;
  let start = 0;
  for (let i = 0, turn = 1; ; i++, turn++) {
    if (turn % SEGMENTS_A_TURN === 0) yield;
    const whole = segments.at(i);
    const segment = i === start ? whole?.trimStart() : whole;
    const ids = segment === undefined || segment.length > limits.most * MOST_CHARACTERS ? undefined : tokenizer.encode(segment);
    if (segment === undefined || ids === undefined || tokens.length + ids.length > limits.most) {
      if (best !== undefined) yield { tokens: [...tokens.slice(0, best.context), ...best.word], targetStart: best.context };
      if (segment === undefined) return;
      // a single word longer than T is passed over
      start = Math.max(best?.next ?? i, start + 1);
      segments.forget(start);
      i = start - 1;
      tokens = [];
      best = undefined;
      continue;
    }
    const match = i > start && tokens.length >= limits.least ? LAST_WORD.exec(segment) : null;
    if (match !== null) {
      const good = SENTENCE_END.test(match[2]) && tokens.length >= limits.sentence;
      const word = match[2] === '' ? ids : tokenizer.encode(` ${match[1]}`);
      // a word without what follows it may in principle take more tokens
      if (tokens.length + word.length <= limits.most && (good || best?.good !== true)) best = { context: tokens.length, word, next: i + 1, good };
    }
    for (const token of ids) tokens.push(token);
  }
}

/** The words of a text, each with the white space before it: found as they are asked for, and kept until they are forgotten. */
class Segments {
  readonly #text: string;
  readonly #kept: string[] = [];
  /** number of the first that is kept */
  #first = 0;
  #end = 0;

  constructor(text: string) {
    this.#text = text;
  }

  at(i: number): string | undefined {
    while (this.#first + this.#kept.length <= i) {
      const start = this.#end;
      let end = start;
      while (end < this.#text.length && isWhiteSpace(this.#text.charCodeAt(end))) end++;
      if (end === this.#text.length) return undefined;
      while (end < this.#text.length && !isWhiteSpace(this.#text.charCodeAt(end))) end++;
      this.#kept.push(this.#text.slice(start, end));
      this.#end = end;
    }
    return this.#kept[i - this.#first];
  }

  /** those before */
  forget(i: number): void {
    this.#kept.splice(0, i - this.#first);
    this.#first = i;
  }
}

/** Unicode's White_Space, all of it of one code unit */
const isWhiteSpace = (unit: number): boolean =>
  unit <= 0x20 ? unit === 0x20 || (unit >= 9 && unit <= 13) : unit === 0x85 || unit === 0xa0 || (unit >= 0x1680 && (unit === 0x1680 || (unit >= 0x2000 && unit <= 0x200a) || unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000));
