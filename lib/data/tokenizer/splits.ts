import { escapeCodePoint } from './oniguruma-class.js';
import { translatePattern } from './oniguruma.js';
import { PatternMatcher } from './pattern-matcher.js';

/** One `Split` or `Digits` of a pre-tokenizer, in the words of tokenizer.json. */
export type SplitStep =
  /** by Oniguruma's pattern or by a text; `matches`: what is between the matches is left out */
  | { readonly type: 'Split'; readonly pattern: { readonly Regex: string } | { readonly String: string }; readonly keep: 'all' | 'matches' }
  /** runs of digits apart from the rest, or each digit by itself */
  | { readonly type: 'Digits'; readonly individual: boolean };

/**
 * Hands on the pieces of a text from a place on, and stops after the first that ends at `until` or beyond, so that a long text can be cut with pauses.
 * @returns where it stopped, to go on from there; the text's length where all is done
 */
export type Splitter = (text: string, word: (text: string) => void, from?: number, until?: number) => number;

/**
 * GPT-2's split into words before BPE. `\s` is written `\p{White_Space}`: JavaScript's `\s` has U+FEFF and lacks U+0085,
 * the Rust tokenizers' is the other way round.
 */
export const splitPattern = (): RegExp =>
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * Hands on matches, and what is between them unless only matches are kept. Empty pieces are none. V8's own matching has a stack that ends in a run
 * of some millions of characters of one class: there a slower one without such a stack goes on.
 */
export function splitBy(pattern: RegExp, keep: 'all' | 'matches' = 'all'): Splitter {
  let patient: PatternMatcher | undefined;
  return (text, word, from = 0, until = Infinity) => {
    let start = from;
    pattern.lastIndex = from;
    for (;;) {
      let index: number;
      let end: number;
      try {
        const match = pattern.exec(text);
        if (match === null) break;
        ({ index } = match);
        end = index + match[0].length;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        patient ??= new PatternMatcher(pattern.source);
        const match = patient.exec(text, pattern.lastIndex);
        if (match === undefined) break;
        ({ index, end } = match);
        pattern.lastIndex = end;
      }
      if (index > start && keep === 'all') word(text.slice(start, index));
      start = end;
      if (end > index) word(text.slice(index, end));
      // an empty match splits where it stands, and the search goes on after the next character
      else pattern.lastIndex += (text.codePointAt(pattern.lastIndex) ?? 0) > 0xffff ? 2 : 1;
      if (end >= until && end > index) return end;
    }
    if (start < text.length && keep === 'all') word(text.slice(start));
    return text.length;
  };
}

/** @throws Untranslatable */
export function openSplit(step: SplitStep): Splitter {
  if (step.type === 'Digits') return splitBy(step.individual ? /\p{N}/gu : /\p{N}+/gu);
  const { pattern, keep } = step;
  return splitBy('Regex' in pattern ? translatePattern(pattern.Regex) : new RegExp(Array.from(pattern.String, escapeCodePoint).join(''), 'gu'), keep);
}
