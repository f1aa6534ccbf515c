import { createHash } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { passagesOf, readHeldOut, trainTokenizer, type Document } from '../../lib/data/index.js';
import { demoHeldOut } from '../../lib/data/demo/index.js';
import { collectHeldOut, writeHeldOut } from '../../lib/data/held-out.js';
import { collect, temporaryFolder } from './temporary.js';

const documents = (await collect(demoHeldOut().documents())).slice(0, 30);
const tokenizer = await trainTokenizer({ texts: documents.map(({ text }) => text), vocabularySize: 600, sampleBytes: 300_000 });
const T = 64;

async function* stream(items: readonly Document[]): AsyncIterable<Document> {
  yield* items;
}

describe('passages', () => {
  test('are text of the document that ends with a whole word, and encode as a whole to the same ids', () => {
    let count = 0;
    for (const document of documents) {
      let from = 0;
      for (const { tokens, targetStart } of passagesOf(document, tokenizer, T)) {
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
    const of = (text: string) => passagesOf({ id: 'd', text }, tokenizer, T);
    expect(of('')).toEqual([]);
    expect(of('word')).toEqual([]);
    const sentence = 'this is the sentence that comes before the end of it and it is long enough. ';
    const [only] = of(`${'x7'.repeat(500)} ${sentence}`);
    expect(tokenizer.decode(only.tokens)).toBe(sentence.slice(0, -2));
  });
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

  test('are written and read back padded', async () => {
    const { sets } = await collectSets(documents, 50);
    const file = path.join(await temporaryFolder(), 'test.parquet');
    const { passages } = sets.test;
    for (const vocabularySize of [600, 70_000]) {
      await writeHeldOut(file, passages, vocabularySize, createHash('sha256'));
      const examples = await readHeldOut(file, T);
      expect(examples.map(({ id, tokens, length, targetStart }) => ({ id, tokens: Array.from(tokens.subarray(0, length)), targetStart }))).toEqual(passages);
      for (const { tokens, length } of examples) {
        expect(tokens).toHaveLength(T);
        expect(tokens.subarray(length).every((token) => token === 0)).toBe(true);
      }
    }
    await expect(readHeldOut(file, 20)).rejects.toMatchObject({ code: 'DataCorrupt' });
  });

  test('too few passages: says how many there are', async () => {
    await expect(collectSets(documents.slice(0, 4), 5_000)).rejects.toMatchObject({ code: 'DataInvalid', where: 'heldOut.validation', message: expect.stringMatching(/give \d+ passages .* 5000 are wanted \(4 documents/) as string });
  });
});
