import { escapeCodePoint } from './oniguruma-class.js';
import { translatePattern } from './oniguruma.js';

/** One `Split` or `Digits` of a pre-tokenizer, in the words of tokenizer.json. */
export type SplitStep =
  /** by Oniguruma's pattern or by a text; `matches`: what is between the matches is left out */
  | { readonly type: 'Split'; readonly pattern: { readonly Regex: string } | { readonly String: string }; readonly keep: 'all' | 'matches' }
  /** runs of digits apart from the rest, or each digit by itself */
  | { readonly type: 'Digits'; readonly individual: boolean };

export type Splitter = (text: string, word: (text: string) => void) => void;

/**
 * GPT-2's split into words before BPE. `\s` is written `\p{White_Space}`: JavaScript's `\s` has U+FEFF and lacks U+0085,
 * the Rust tokenizers' is the other way round.
 */
export const splitPattern = (): RegExp =>
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Hands on matches, and what is between them unless only matches are kept. Empty pieces are none. */
export function splitBy(pattern: RegExp, keep: 'all' | 'matches' = 'all'): Splitter {
  return (text, word) => {
    let start = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const [piece] = match;
      if (match.index > start && keep === 'all') word(text.slice(start, match.index));
      start = match.index + piece.length;
      if (piece !== '') word(piece);
      // an empty match splits where it stands, and the search goes on after the next character
      else pattern.lastIndex += (text.codePointAt(pattern.lastIndex) ?? 0) > 0xffff ? 2 : 1;
    }
    if (start < text.length && keep === 'all') word(text.slice(start));
  };
}

/** @throws Untranslatable */
export function openSplit(step: SplitStep): Splitter {
  if (step.type === 'Digits') return splitBy(step.individual ? /\p{N}/gu : /\p{N}+/gu);
  const { pattern, keep } = step;
  return splitBy('Regex' in pattern ? translatePattern(pattern.Regex) : new RegExp(Array.from(pattern.String, escapeCodePoint).join(''), 'gu'), keep);
}
