import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer, tokenizerJson, trainTokenizer, type Tokenizer } from '../../lib/data/index.js';
import { createTokenizer, encodedPieces } from '../../lib/data/tokenizer/index.js';
import { composed, startsAnew } from '../../lib/data/tokenizer/normal-form.js';
import { randomStream } from '../../lib/random.js';
import { neoxTokenizer } from '../needs/python.js';
import { temporaryFolder } from './temporary.js';

test('the GPT-NeoX tokenizer stays what it is when written and read again', async (context) => {
  const file = path.join(await temporaryFolder(), 'tokenizer.json');
  const tokenizer = await loadTokenizer(neoxTokenizer(context));
  await writeFile(file, tokenizerJson(tokenizer));
  const again = await loadTokenizer(file);
  for (const text of randomTexts(100)) expect(again.encode(text)).toEqual(tokenizer.encode(text));
});

const sample = [
  'the cat sat on the mat, and the other cat sat on the other mat.',
  "It's the cat's mat; they'll say 12 cats sat in 2024.",
  'Häuser und Häuschen\n\n  eingerückt\tüber 日本語 日本 😀😀',
  'aaaa aaaaaaa aaaaaaaaaaaa bababababa',
];

describe('training', () => {
  test('gives the merges of the textbook algorithm', async () => {
    for (const size of [258, 280, 330]) {
      const trained = await trainTokenizer({ texts: sample, vocabularySize: size, sampleBytes: 1e6 });
      expect(trained.parts.merges).toEqual(textbookMerges(sample, size - 257));
    }
  });

  test('on a word of many thousand letters too', async () => {
    const random = randomStream('long word');
    const texts = [...sample, Array.from({ length: 9_000 }, () => 'acgt'[random.below(4)]).join(''), `${'ab'.repeat(3_000)} ${'ab'.repeat(3_000)}`];
    const trained = await trainTokenizer({ texts, vocabularySize: 297, sampleBytes: 1e6 });
    expect(trained.parts.merges).toEqual(textbookMerges(texts, 40));
  });

  test('lets other things happen within a long text', async () => {
    let pauses = 0;
    let turns = 0;
    await trainTokenizer({ texts: [`${'acgt'.repeat(100_000)} ${'the cat sat '.repeat(40_000)}`], vocabularySize: 262, sampleBytes: 1e7, onPause: () => void pauses++, onProgress: () => void turns++ });
    expect(pauses).toBeGreaterThan(5);
    expect(turns).toBeGreaterThan(5); // six merges: less than are made between two turns where words are short
  });

  test('ends where no pair comes twice', async () => {
    const trained = await trainTokenizer({ texts: ['ab ab'], vocabularySize: 1_000, sampleBytes: 100 });
    expect(trained.parts.merges).toEqual([['a', 'b']]);
    expect(trained.vocabularySize).toBe(258);
  });

  test('sees no more than the sample', async () => {
    const [short, long] = [['ababab'], ['ababab', ...sample]];
    const [a, b] = [await trainTokenizer({ texts: short, vocabularySize: 300, sampleBytes: 6 }), await trainTokenizer({ texts: long, vocabularySize: 300, sampleBytes: 6 })];
    expect(b.parts.merges).toEqual(a.parts.merges);
  });
});

describe('encoding', () => {
  let tokenizer: Tokenizer;
  test('gives the ids of the textbook algorithm, short words and long', async () => {
    tokenizer = await trainTokenizer({ texts: sample, vocabularySize: 400, sampleBytes: 1e6 });
    const texts = [...sample, 'a'.repeat(301), 'ab'.repeat(200), `x${'ba'.repeat(99)}c`, ...randomTexts(50)];
    for (const text of texts) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(textbookEncode(tokenizer, text));
  });

  test('decodes to the text', () => {
    for (const text of [...randomTexts(300), '', ' ', '\uFEFF\u0085\u00A0', '\u{10FFFF}']) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  test('a long run of one character takes no quadratic time', () => {
    // a million would take hours if every merge looked at every pair
    const ids = tokenizer.encode('a'.repeat(1_000_000));
    expect(tokenizer.decode(ids).length).toBe(1_000_000);
  });

  test('a long text is encoded in pieces, whose ids are those of the textbook algorithm', () => {
    const text = [...randomTexts(1_000), 'ba'.repeat(33_000), ' '.repeat(66_000), ...randomTexts(1_000)].join(' ');
    const pieces = [...tokenizer.encodePieces(text)].map((piece) => Array.from(piece));
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.flat().join() === textbookEncode(tokenizer, text).join()).toBe(true);
  });

  test('a run of millions of letters beyond Latin-1 is one word, as one of Latin-1 is', () => {
    const run = 'ab'.repeat(4_500_000);
    const ids = Int32Array.from(tokenizer.encode(`${run}–`));
    const expected = Int32Array.from([...tokenizer.encode(run), ...tokenizer.encode('–')]);
    expect(Buffer.from(ids.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
  });

  test('one that is longer than memory allows is an error that names the document', () => {
    const text = 'é'.repeat(2 ** 25 + 1);
    expect(() => [...encodedPieces({ text, name: 'corpus/a.txt', tokenizer })]).toThrow(expect.objectContaining({ code: 'DataInvalid', where: 'corpus/a.txt', message: expect.stringMatching(/cannot be encoded: a run of 67108866 bytes that nothing cuts into words, beginning with "éé/) as string }) as Error);
  });

  test('added tokens are found wherever they stand in a long text, with their white space', () => {
    const added = [
      { id: 0, content: '<|endoftext|>', normalized: false, lstrip: true, rstrip: true },
      { id: 1_000, content: '<|endoftext|><|x|>', normalized: true, lstrip: false, rstrip: false },
    ];
    const own = createTokenizer({ ...tokenizer.parts, added });
    // 2^22 characters are looked through at a time
    for (const at of [2 ** 22 - 7, 2 ** 22, 2 ** 22 - 13]) {
      const before = 'the cat '.repeat(2 ** 19).slice(0, at - 3);
      const ids = own.encode(`${before}   <|endoftext|> \n\u00A0the mat${' cat'.repeat(2 ** 18)}`);
      const expected = [...tokenizer.encode(before.trimEnd()), 0, ...tokenizer.encode(`the mat${' cat'.repeat(2 ** 18)}`)];
      expect(ids.length).toBe(expected.length);
      expect(ids.every((id, i) => id === expected[i])).toBe(true);
    }
  });

  test('end-of-text in a text is the one token', () => {
    expect(tokenizer.encode('<|endoftext|>')).toEqual([0]);
    expect(tokenizer.encode('a<|endoftext|>b').filter((id) => id === 0)).toHaveLength(1);
  });
});

describe('NFC in slices', () => {
  test('no text is cut where a character takes part in what comes before it', () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      const rest = Array.from(String.fromCodePoint(point).normalize('NFD')).slice(1);
      // what decomposes to itself is the first of a syllable or a mark’s base
      for (const part of rest) expect(part.length === 1 && startsAnew(part.charCodeAt(0)), point.toString(16)).toBe(false);
      if (point <= 0xffff && startsAnew(point)) expect(/\p{M}/u.test(String.fromCharCode(point)), point.toString(16)).toBe(false);
    }
  });

  test('is that of the whole', () => {
    const marks = ['e', '\u0301', '\u0323', '\u1100', '\u1161', '\u11A8', '가', 'か', '\u3099', '一', '。', '\uFA0E', '𝅗', '\u{1D165}', ' '];
    const random = randomStream('normal form');
    for (let i = 0; i < 300; i++) {
      const text = Array.from({ length: 60 }, () => marks[random.below(marks.length)]).join('');
      const steps = composed(text, 1 + random.below(7));
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      expect(step.value).toBe(text.normalize('NFC'));
    }
  });
});

describe('a tokenizer.json that is something else is refused by name', () => {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false };
  const cases: [string, (json: Record<string, unknown>) => unknown, RegExp][] = [
    ['WordPiece', (json) => ({ ...json, model: { type: 'WordPiece', vocab: {} } }), /model is WordPiece, not byte-level BPE/],
    ['Metaspace', (json) => ({ ...json, pre_tokenizer: { type: 'Metaspace' } }), /pre-tokenizer is Metaspace, not ByteLevel/],
    ['no pre-tokenizer', (json) => ({ ...json, pre_tokenizer: null }), /pre-tokenizer is none/],
    ['Lowercase', (json) => ({ ...json, normalizer: { type: 'Lowercase' } }), /normalizer Lowercase is not supported/],
    ['Unigram', (json) => ({ ...json, model: { type: 'Unigram', vocab: [['a', -1]] } }), /model is Unigram, not byte-level BPE/],
    ['SentencePiece BPE', (json) => ({ ...json, normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }] }, pre_tokenizer: null, model: { ...(json['model'] as object), byte_fallback: true } }), /SentencePiece BPE with byte_fallback \(as Llama 2/],
    ['a sequence of normalizers', (json) => ({ ...json, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'StripAccents' }] } }), /normalizer StripAccents is not supported/],
    ['a sequence without ByteLevel', (json) => ({ ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }] } }), /Sequence\) is Digits, without ByteLevel at the end/],
    ['a sequence with another', (json) => ({ ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Whitespace' }, byteLevel] } }), /Sequence\) is Whitespace, not ByteLevel/],
    ['ByteLevel before the end', (json) => ({ ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [byteLevel, { type: 'Digits' }] } }), /ByteLevel is not the last/],
    ['a Split that merges', (json) => ({ ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: 'a' }, behavior: 'MergedWithNext', invert: false }, byteLevel] } }), /Split with behavior MergedWithNext is not supported/],
    ['a pattern that is not translated', (json) => ({ ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: '\\w+' }, behavior: 'Isolated', invert: false }, byteLevel] } }), /pattern of the pre-tokenizer Split has the escape \\w, which is not supported/],
    ['another pattern', (json) => ({ ...json, pre_tokenizer: { ...byteLevel, use_regex: false } }), /use_regex: false/],
    ['a byte missing', (json) => ({ ...json, model: { type: 'BPE', vocab: { a: 1 }, merges: [] } }), /no entry for byte 0/],
    ['no end of text', (json) => ({ ...json, added_tokens: [], model: { ...(json['model'] as object), vocab: withoutEnd(json) } }), /no end-of-text token/],
    ['not its layout', () => [1, 2], /not a tokenizer.json/],
  ];
  for (const [name, change, message] of cases) {
    test(name, async () => {
      const file = path.join(await temporaryFolder(), 'tokenizer.json');
      const trained = await trainTokenizer({ texts: sample, vocabularySize: 270, sampleBytes: 1e6 });
      await writeFile(file, JSON.stringify(change(JSON.parse(tokenizerJson(trained)) as Record<string, unknown>)));
      await expect(loadTokenizer(file)).rejects.toMatchObject({ code: 'DataInvalid', where: file, message: expect.stringMatching(message) as string });
    });
  }

  test('no JSON, no file', async () => {
    const file = path.join(await temporaryFolder(), 'tokenizer.json');
    await expect(loadTokenizer(file)).rejects.toMatchObject({ code: 'DataInvalid', where: file });
    await writeFile(file, '{"model"');
    await expect(loadTokenizer(file)).rejects.toThrow(/is no JSON/);
  });
});

function withoutEnd(json: Record<string, unknown>): Record<string, number> {
  const { vocab } = json['model'] as { vocab: Record<string, number> };
  return Object.fromEntries(Object.entries(vocab).filter(([token]) => token !== '<|endoftext|>'));
}

function randomTexts(count: number): string[] {
  const random = randomStream('texts');
  const alphabet = ['a', 'b', 'the', ' ', '  ', '\n', '\t', "'s", "'LL", '1', '23', 'ä', 'é', 'e\u0301', '日', '😀', '👍🏽', '.', '...', '\u00A0', '\u3000', 'ſ', '\u200B', '_', '-'];
  return Array.from({ length: count }, () => Array.from({ length: random.below(30) }, () => alphabet[random.below(alphabet.length)]).join('')).map((text) => text.normalize('NFC'));
}

/** Words as the byte-level alphabet's characters, by a pattern written apart from the one under test. */
function words(text: string): string[][] {
  const space = '[\\t-\\r \\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]';
  const other = space.replace('[', '[^');
  const pattern = new RegExp(`'(?:[stmd]|re|ve|ll)| ?\\p{L}+| ?\\p{N}+| ?(?:(?![\\p{L}\\p{N}])${other})+|${space}+(?!${other})|${space}+`, 'gu');
  return (text.match(pattern) ?? []).map((word) => Array.from(Buffer.from(word, 'utf8'), character));
}

function character(byte: number): string {
  const printable = [...Array(256).keys()].filter((b) => (b > 32 && b < 127) || (b > 160 && b !== 173));
  if (printable.includes(byte)) return String.fromCharCode(byte);
  return String.fromCharCode(256 + [...Array(256).keys()].filter((b) => !printable.includes(b)).indexOf(byte));
}

/** Counts all pairs anew for every merge. */
function textbookMerges(texts: string[], count: number): [string, string][] {
  const all = texts.flatMap(words);
  const alphabet = Array.from({ length: 256 }, (_, byte) => character(byte)).sort();
  const id = new Map(alphabet.map((token, i) => [token, i]));
  const merges: [string, string][] = [];
  while (merges.length < count) {
    const counts = new Map<string, { pair: [string, string]; count: number }>();
    for (const word of all) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${word[i]} ${word[i + 1]}`;
        const entry = counts.get(key) ?? { pair: [word[i], word[i + 1]], count: 0 };
        entry.count++;
        counts.set(key, entry);
      }
    }
    const order = (token: string): number => id.get(token) ?? Infinity;
    const [best] = [...counts.values()].sort((a, b) => b.count - a.count || order(a.pair[0]) - order(b.pair[0]) || order(a.pair[1]) - order(b.pair[1]));
    if (best === undefined || best.count < 2) break;
    id.set(best.pair.join(''), id.size);
    merges.push(best.pair);
    for (const word of all) apply(word, best.pair);
  }
  return merges;
}

function apply(word: string[], [left, right]: readonly [string, string]): void {
  let length = 0;
  for (let i = 0; i < word.length; length++) {
    const merges = word[i] === left && word[i + 1] === right;
    word[length] = merges ? left + right : word[i];
    i += merges ? 2 : 1;
  }
  word.length = length;
}

/** Applies every merge in turn to the whole word. */
function textbookEncode({ parts: { merges, vocabulary } }: Tokenizer, text: string): number[] {
  return words(text).flatMap((word) => {
    for (const merge of merges) apply(word, merge);
    return word.map((token) => vocabulary.get(token) ?? -1);
  });
}
