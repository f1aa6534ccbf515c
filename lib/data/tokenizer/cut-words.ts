import type { PreTokenizer } from './pre-tokenizer.js';
import { openSplit, splitBy, splitPattern, type Splitter } from './splits.js';

/** How a text is cut into words before BPE. */
export interface WordCutter {
  each(text: string, word: (word: string) => void): void;
  /** The same with a pause (`undefined`) after each slice of a long text; a word that is longer than a slice is yielded instead. */
  slices(text: string, word: (word: string) => void): Generator<string | undefined>;
}

interface Level {
  readonly prepare?: (text: string) => string;
  readonly split: Splitter;
}

/** Each split cuts the pieces of the one before, ByteLevel's last. @param slice characters of a slice */
export function openCutter({ splits, addPrefixSpace, useRegex }: PreTokenizer, slice: number): WordCutter {
  const whole: Splitter = (text, word) => {
    if (text !== '') word(text);
    return text.length;
  };
  const last: Level = {
    ...(addPrefixSpace ? { prepare: (text: string) => (text.startsWith(' ') ? text : ` ${text}`) } : {}),
    split: useRegex ? splitBy(splitPattern()) : whole,
  };
  const levels: readonly Level[] = [...splits.map((step) => ({ split: openSplit(step) })), last];

  const each = (level: number, text: string, word: (word: string) => void): void => {
    const { prepare, split } = levels[level];
    split(prepare?.(text) ?? text, level === levels.length - 1 ? word : (piece) => each(level + 1, piece, word));
  };
  const slices = function* (level: number, text: string, word: (word: string) => void): Generator<string | undefined> {
    if (level === levels.length) {
      yield text;
      return;
    }
    const { prepare, split } = levels[level];
    const prepared = prepare?.(text) ?? text;
    const pieces: string[] = [];
    for (let at = 0; at < prepared.length; ) {
      at = split(prepared, (piece) => pieces.push(piece), at, at + slice);
      for (const piece of pieces) {
        if (piece.length > slice) yield* slices(level + 1, piece, word);
        else if (level === levels.length - 1) word(piece);
        else each(level + 1, piece, word);
      }
      pieces.length = 0;
      yield;
    }
  };
  return { each: (text, word) => each(0, text, word), slices: (text, word) => slices(0, text, word) };
}
