import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { translatePattern } from '../../lib/data/tokenizer/oniguruma.js';
import { PatternMatcher } from '../../lib/data/tokenizer/pattern-matcher.js';
import { splitBy, splitPattern } from '../../lib/data/tokenizer/splits.js';
import { randomStream } from '../../lib/random.js';

/** @see ../fixtures/tokenizers/make.py */
const { variants } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../fixtures/tokenizers/cases.json'), 'utf8')) as { variants: unknown };
const files = ['llama-3', 'qwen-2.5'].map((name) => readFileSync(path.join(import.meta.dirname, `../fixtures/tokenizers/${name}.json`), 'utf8'));
const ofModels = [...`${JSON.stringify(variants)}${files.join('')}`.matchAll(/"Regex": ?("(?:[^"\\]|\\.)*")/g)].map(([, pattern]) => JSON.parse(pattern) as string);
const O200K = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const MADE = ['(?:ab?)+?c|a*+b|(?>a|ab)c', '(?:a|b|\\s)*1|(?:a?){2,3}b', '(?<=a)b{2,4}?|(?<!\\s)1+|a??b', '(?:a*)*b|(?:)|x', '(?=a1)a|(?!a)\\p{L}{2}', '\\p{N}'];

const patterns = new Map<string, RegExp>([['GPT-2', splitPattern()], ['digits', /\p{N}+/gu], ...[...new Set([...ofModels, O200K, ...MADE])].map((pattern): [string, RegExp] => [pattern, translatePattern(pattern)])]);

function randomTexts(count: number): string[] {
  const random = randomStream('pattern matcher');
  const alphabet = ['a', 'b', 'aB', 'A', 'é', 'e\u0301', 'ʰ', '日', '𝐀', '😀', '\u{1F44D}\u{1F3FD}', ' ', '  ', '\n', '\r\n', '\t', '\u00A0', '\u0085', '1', '23', '²', '٣', '.', '…', "'s", "'LL", '/', '-', '\u200B', '\uD800', '\uDC00', '\uFEFF'];
  return Array.from({ length: count }, () => Array.from({ length: random.below(25) }, () => alphabet[random.below(alphabet.length)].repeat(random.uniform() < 0.2 ? 5 : 1)).join(''));
}

test('the patterns are those of the models that are supported', () => {
  expect(patterns.size).toBeGreaterThan(12);
});

describe.each([...patterns])('%s', (_, pattern) => {
  test('is matched as V8 matches it, from every place', () => {
    const matcher = new PatternMatcher(pattern.source);
    for (const text of randomTexts(400)) {
      for (let from = 0; from <= text.length; from += text.codePointAt(from) !== undefined && (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1) {
        pattern.lastIndex = from;
        const match = pattern.exec(text);
        expect(matcher.exec(text, from), `${JSON.stringify(text)} from ${from}`).toEqual(match === null ? undefined : { index: match.index, end: match.index + match[0].length });
      }
    }
  });
});

/** one class for as long as V8's stack does not hold, with a character beyond Latin-1 */
const LONG = 9_000_000;

describe('a run that V8 cannot match is cut as a short one is', () => {
  test.each([
    ['GPT-2', 'ACGT', 'x–y'],
    ['GPT-2', '=-', ' –y'],
    ['GPT-2', '😀\uFE0F', 'y –'],
    [O200K, 'ñ日', ' –y'],
  ])('%s of %s', { timeout: 60_000 }, (name, unit, after) => {
    const pattern = patterns.get(name) ?? splitPattern();
    const long = `${unit.repeat(LONG / unit.length)}${after}`;
    expect(() => [...long.matchAll(pattern)]).toThrow(RangeError);
    const cut = (text: string): number[] => {
      const lengths: number[] = [];
      splitBy(pattern)(text, ({ length }) => lengths.push(length));
      return lengths;
    };
    const short = cut(`${unit.repeat(100)}${after}`);
    const first = short[0] - 100 * unit.length + (LONG / unit.length) * unit.length;
    expect(cut(long)).toEqual([first, ...short.slice(1)]);
  });
});
