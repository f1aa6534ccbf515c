import type { Tokenizer } from './tokenizer/index.js';

/** A passage as it is kept: without padding. */
export interface Passage {
  readonly id: string;
  readonly tokens: readonly number[];
  /** index of the first token of the last word */
  readonly targetStart: number;
}

/** What of a tokenizer passages need. */
export type PassageTokenizer = Pick<Tokenizer, 'encode' | 'encodePieces' | 'decode'>;

/** In tokens: of context before the last word, of context before one that ends a sentence, of a passage. */
export interface PassageLimits {
  readonly least: number;
  readonly sentence: number;
  readonly most: number;
}

/** Passages of one text. */
export interface FindPassages {
  readonly text: string;
  readonly tokenizer: PassageTokenizer;
  readonly limits: PassageLimits;
}
