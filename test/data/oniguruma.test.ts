import { describe, expect, test } from 'vitest';
import { translatePattern } from '../../lib/data/tokenizer/oniguruma.js';
import { splitBy } from '../../lib/data/tokenizer/splits.js';

const pieces = (pattern: string, text: string): string[] => {
  const words: string[] = [];
  splitBy(translatePattern(pattern))(text, (word) => words.push(word));
  return words;
};

/** What `pre_tokenizers.Split(Regex(…), "isolated")` of tokenizers 0.23.3 gives. */
const cases: [string, string, string[]][] = [
  ['\\p{N}{1,3}+', '1234567 a', ['1234567', ' a']],
  ['\\p{N}{1,3}', '1234567 a', ['123', '456', '7', ' a']],
  ["(?i:'s|'k)", "a'ſ'\u212A'S'k", ['a', "'ſ", "'\u212A", "'S", "'k"]],
  ["'(?i:[sdmtk]|ll)", "'ſ'\u212A'LL", ["'ſ", "'\u212A", "'LL"]],
  ['(?i:[a-z])', 'ſ\u212AéZ', ['ſ', '\u212A', 'é', 'Z']],
  ['a++a|a', 'aaa', ['a', 'a', 'a']],
  ['x*', 'axxb', ['a', 'xx', 'b']],
  ['.', 'a\nb\r\u2028', ['a', '\n', 'b', '\r', '\u2028']],
  ['\\s+', 'a\u0085\uFEFF\u180E\u00A0b', ['a', '\u0085', '\uFEFF\u180E', '\u00A0', 'b']],
  ['\\d', '1٣½', ['1', '٣', '½']],
  ['\\p{^L}+', 'ab1', ['ab', '1']],
  ['a{,2}', 'aaa', ['aa', 'a']],
  ['\\p{Han}', '日a', ['日', 'a']],
  ['(?<=a)b|(?<!a)c(?=d)|\\x{65}\\u0066', 'abcd ab ac ef', ['a', 'b', 'c', 'd a', 'b', ' ac ', 'ef']],
  ['(?>ab|a)c', 'abc ac', ['abc', ' ', 'ac']],
  ['(?>a|ab)c', 'abc ac', ['abc ', 'ac']],
  ['[\\]\\-^a-c.]+', 'a]-^x.-d', ['a]-^', 'x', '.-', 'd']],
];
test.each(cases)('%s cuts %j', (pattern, text, expected) => {
  expect(pieces(pattern, text)).toEqual(expected);
});

describe('what has no faithful twin is refused by name', () => {
  const refused: [string, RegExp][] = [
    ['^a', /the anchor \^/],
    ['a$', /the anchor \$/],
    ['(?i:st)', /\(\?i:…st…\), which is also one letter/],
    ['(?i:é)', /the character é within/],
    ['(?i:\\p{Lu})', /\\p\{Lu\} within/],
    ['(?i)abc', /the group \(\?i\)/],
    ['(?<name>a)', /the group/],
    ['[a[bc]]', /a class within a class/],
    ['[a&&b]', /an intersection of classes/],
    ['\\w+', /the escape \\w/],
    ['\\bx', /the escape \\b/],
    ['(a)\\1', /the escape \\1/],
    ['\\p{Alnum}', /the property \\p\{Alnum\}/],
    ['\\x{110000}', /the escape/],
    ['a{1}?', /the quantifier \{1\}\?/],
    ['a{x', /an unescaped \{/],
    ['(a', /an unmatched \(/],
    ['a)', /an unmatched \)/],
    ['[ab', /the class \[ab/],
    ['*a', /a quantifier \*/],
  ];
  test.each(refused)('%s', (pattern, message) => {
    expect(() => translatePattern(pattern)).toThrow(message);
  });
});
