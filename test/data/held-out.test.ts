import { createHash } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { passagesOf, readHeldOut, trainTokenizer, type Document, type Passage, type Tokenizer } from '../../lib/data/index.js';
import { demoHeldOut } from '../../lib/data/demo/index.js';
import { collectHeldOut, textKey, writeHeldOut } from '../../lib/data/held-out.js';
import { randomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';

const documents = (await collect(demoHeldOut().documents())).slice(0, 30);
const tokenizer = await trainTokenizer({ texts: documents.map(({ text }) => text), vocabularySize: 600, sampleBytes: 300_000 });
const T = 64;

const cut = (document: Pick<Document, 'id' | 'text'>, by: Tokenizer = tokenizer): Passage[] => [...passagesOf({ document, tokenizer: by, sequenceLength: T })].filter((passage) => passage !== undefined);

async function* stream(items: readonly Document[]): AsyncIterable<Document> {
  yield* items;
}

describe('passages', () => {
  test('are text of the document that ends with a whole word, and encode as a whole to the same ids', () => {
    let count = 0;
    for (const document of documents) {
      let from = 0;
      for (const { tokens, targetStart } of cut(document)) {
        const text = tokenizer.decode(tokens);
        const at = document.text.indexOf(text, from);
        expect(at, text).toBeGreaterThanOrEqual(from);
        from = at + text.length; // they don't overlap
        expect(document.text.slice(from)).not.toMatch(/^\p{L}/u);
        const word = tokenizer.decode(tokens.slice(targetStart));
        expect(word).toMatch(/^ \p{L}{2,}$/u);
        expect(tokenizer.encode(text)).toEqual(tokens);
        expect(tokenizer.encode(text.slice(0, text.length - word.length))).toEqual(tokens.slice(0, targetStart));
        expect(tokens.length).toBeLessThanOrEqual(T);
        expect(targetStart).toBeGreaterThanOrEqual(T / 4);
        count++;
      }
    }
    expect(count).toBeGreaterThan(500);
  });

  test('of nothing, of one word, of a word longer than T', () => {
    const of = (text: string) => cut({ id: 'd', text });
    expect(of('')).toEqual([]);
    expect(of('word')).toEqual([]);
    const sentence = 'this is the sentence that comes before the end of it and it is long enough. ';
    const [only] = of(`${'x7'.repeat(500)} ${sentence}`);
    expect(tokenizer.decode(only.tokens)).toBe(sentence.slice(0, -2));
  });
});

describe('passages of other scripts', () => {
  const letters = Array.from('的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家');
  const chinese = (key: string): string => {
    const random = randomStream('chinese', key);
    const some = (): string => Array.from({ length: 6 + random.below(12) }, () => letters[random.below(letters.length)]).join('');
    return Array.from({ length: 20 }, () => `${some()}${'，。！？'[random.below(4)]}`).join('');
  };
  const texts = Array.from({ length: 60 }, (_, i) => chinese(String(i)));

  test.each([257, 600, 1_500])('without blanks: text of the document that ends in a token of whole letters (%s entries)', async (vocabularySize) => {
    const trained = await trainTokenizer({ texts, vocabularySize, sampleBytes: 1e6 });
    let count = 0;
    let sentences = 0;
    for (const [d, text] of texts.entries()) {
      let from = 0;
      for (const { tokens, targetStart } of cut({ id: String(d), text }, trained)) {
        const passage = trained.decode(tokens);
        const at = text.indexOf(passage, from);
        expect(at, passage).toBeGreaterThanOrEqual(from);
        from = at + passage.length; // they don't overlap
        expect(trained.decode(tokens.slice(targetStart))).toMatch(/^\p{Script=Han}+$/u);
        expect(tokens.length).toBeLessThanOrEqual(T);
        expect(targetStart).toBeGreaterThanOrEqual(T / 4);
        sentences += /^[。！？]/.test(text.slice(from)) ? 1 : 0;
        count++;
      }
    }
    expect(count).toBeGreaterThan(texts.length);
    expect(sentences / count).toBeGreaterThan(0.5);
  });

  test('the sets say how many of their passages are without blanks', async () => {
    const trained = await trainTokenizer({ texts, vocabularySize: 600, sampleBytes: 1e6 });
    const mixed = [...texts.map((text, i) => ({ id: `zh${i}`, source: 's', text })), ...documents];
    const { withoutBlanks, sets } = await collectHeldOut({ documents: stream(mixed), tokenizer: trained, sequenceLength: T, counts: { validation: 60, tuning: 60, test: 60 } });
    expect(withoutBlanks).toBe(Object.values(sets).flatMap((set) => set.passages).filter(({ id }) => id.startsWith('zh')).length);
    expect(withoutBlanks).toBeGreaterThan(0);
  });

  test('combining marks are of a word, and a danda ends a sentence', () => {
    const of = (text: string): string[] => cut({ id: 'd', text }).map(({ tokens, targetStart }) => tokenizer.decode(tokens.slice(targetStart)));
    expect(of('one two three four five six seven eight nine ten eleven twelve \u0928\u0939\u0940\u0902\u0964')).toEqual([' \u0928\u0939\u0940\u0902']);
    expect(of('one two three four five six seven eight nine ten eleven twelve cafe\u0301.')).toEqual([' cafe\u0301']);
    expect(of('one two three four five six seven eight nine ten eleven twelve 12')).toEqual([' twelve']);
  });

  test('a long document is cut with pauses, and a run that no row holds is passed over', () => {
    const text = `${'x'.repeat(9_000_000)}– ${documents[0].text}`;
    const found = [...passagesOf({ document: { id: 'd', text }, tokenizer, sequenceLength: T })];
    expect(found.filter((passage) => passage !== undefined).map(({ tokens }) => tokens)).toEqual(cut({ id: 'd', text: documents[0].text }).map(({ tokens }) => tokens));
    expect([...passagesOf({ document: { id: 'd', text: documents[0].text.repeat(20) }, tokenizer, sequenceLength: T })]).toContain(undefined);
  });
});

test('the key of a long text is that of the whole, with pauses', async () => {
  let pauses = 0;
  const text = ` ${'x'.repeat(2 ** 24 - 1)}😀${'é'.repeat(2 ** 24)}\n`;
  expect(await textKey(text, () => void pauses++)).toBe(createHash('sha256').update(text.trim()).digest('base64').slice(0, 16));
  expect(pauses).toBe(2);
});

describe('sets', () => {
  const collectSets = (items: readonly Document[], count: number) => collectHeldOut({ documents: stream(items), tokenizer, sequenceLength: T, counts: { validation: count, tuning: count, test: count } });

  test('are disjoint by document, a repeated text counts once', async () => {
    const { sets } = await collectSets([...documents, ...documents.map((document) => ({ ...document, id: `again/${document.id}`, text: `${document.text}\n` }))], 80);
    const documentsOf = Object.values(sets).map(({ passages }) => new Set(passages.map(({ id }) => id.split('#')[0])));
    for (const set of documentsOf) expect(set.size).toBe(10);
    expect(new Set(documentsOf.flatMap((set) => [...set])).size).toBe(30);
    for (const set of documentsOf) for (const id of set) expect(id).not.toMatch(/^again/);
  });

  test('are those of the documents that give passages: one without takes no set’s turn', async () => {
    const short = (i: number): Document => ({ id: `short-${i}`, source: documents[0].source, text: `word ${i}` });
    const beside = documents.flatMap((document, i) => (i % 4 === 1 ? [short(i), document] : [document]));
    expect(beside.length).toBe(documents.length + 8);
    expect((await collectSets(beside, 50)).sets).toEqual((await collectSets(documents, 50)).sets);
  });

  test('of several sizes get documents by what they want: of one passage each, as LAMBADA’s, nearly all find a place', async () => {
    const single = documents.flatMap((document) => cut(document).map(({ id, tokens }) => ({ id, source: 's', text: tokenizer.decode(tokens) }))).filter((document) => cut(document).length === 1).slice(0, 103);
    expect(single).toHaveLength(103);
    const counts = { validation: 80, tuning: 10, test: 10 };
    const { sets } = await collectHeldOut({ documents: stream(single), tokenizer, sequenceLength: T, counts });
    for (const name of ['validation', 'tuning', 'test'] as const) expect(sets[name].passages).toHaveLength(counts[name]);
    const ids = Object.values(sets).flatMap(({ passages }) => passages.map(({ id }) => id));
    expect(new Set(ids).size).toBe(100);
  });

  test('of several sizes are disjoint by document too, however many passages each gives', async () => {
    const { sets } = await collectHeldOut({ documents: stream(documents), tokenizer, sequenceLength: T, counts: { validation: 200, tuning: 20, test: 40 } });
    const of = Object.values(sets).map(({ passages }) => new Set(passages.map(({ id }) => id.split('#')[0])));
    expect(of.reduce((sum, set) => sum + set.size, 0)).toBe(new Set(of.flatMap((set) => [...set])).size);
    expect(sets.tuning.documents).toBeGreaterThan(1);
  });

  test('of one size are dealt in turn, as always', async () => {
    const { sets } = await collectSets(documents, 50);
    const first = documents.findIndex((document) => cut(document).length > 0);
    for (const [set, name] of (['validation', 'tuning', 'test'] as const).entries()) for (const { id } of sets[name].passages) expect((documents.findIndex((document) => document.id === id.split('#')[0]) - first) % 3).toBe(set);
  });

  test('are written and read back padded', async () => {
    const { sets } = await collectSets(documents, 50);
    const file = path.join(await temporaryFolder(), 'test.parquet');
    const { passages: written } = sets.test;
    for (const vocabularySize of [600, 70_000]) {
      await writeHeldOut(file, written, vocabularySize, createHash('sha256'));
      const examples = await readHeldOut(file, T);
      expect(examples.map(({ id, tokens, length, targetStart }) => ({ id, tokens: Array.from(tokens.subarray(0, length)), targetStart }))).toEqual(written);
      for (const { tokens, length } of examples) {
        expect(tokens).toHaveLength(T);
        expect(tokens.subarray(length).every((token) => token === 0)).toBe(true);
      }
    }
    await expect(readHeldOut(file, 20)).rejects.toMatchObject({ code: 'DataCorrupt' });
  });

  test('too few passages: says how many there are', async () => {
    await expect(collectSets(documents.slice(0, 4), 5_000)).rejects.toMatchObject({ code: 'DataInvalid', where: 'heldOut.validation', message: expect.stringMatching(/give \d+ passages .* 5000 are wanted \(4 of 4 documents/) as string });
  });
});
