import { expect, test } from 'vitest';
import { loadTokenizer } from '../../../lib/data/index.js';
import { openCorpus } from '../../../lib/stages/contents/index.js';
import { textBytes } from '../../../lib/stages/report/text-bytes.js';
import { prepared, store } from '../small-home.js';

test('bytes of a held-out set are those of its passages’ text, without their first tokens', async () => {
  const result = await prepared();
  const counted = await textBytes([{ stage: { stage: 'seed-0/prepare', name: 'prepare', seed: 0, arm: null, round: null, results: [result] }, artifacts: [await store.open(result.ref)] }]);
  expect(counted.map(({ seed, set }) => [seed, set])).toEqual([[0, 'tuning'], [0, 'test']]);
  const corpus = await openCorpus(store, result.ref);
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  for (const { set, tokens, bytes } of counted) {
    const passages = await corpus.heldOut(set);
    const texts = passages.map((passage) => tokenizer.decode(passage.tokens.subarray(0, passage.length)));
    const firsts = passages.map((passage) => tokenizer.decode(passage.tokens.subarray(0, 1)));
    expect(tokens).toBe(passages.reduce((sum, { length }) => sum + length - 1, 0));
    // English prose: no token begins within a character
    expect(bytes).toBe(Buffer.byteLength(texts.join('')) - Buffer.byteLength(firsts.join('')));
    expect(bytes).toBeGreaterThan(tokens);
  }
});

test('a token that is a part of a character counts the bytes that it is', async () => {
  const result = await prepared();
  const corpus = await openCorpus(store, result.ref);
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  const ids = tokenizer.encode('naïve 汉字 🙂');
  expect(tokenizer.byteLength(ids)).toBe(Buffer.byteLength('naïve 汉字 🙂'));
  for (let at = 0; at <= ids.length; at++) expect(tokenizer.byteLength(ids.slice(0, at)) + tokenizer.byteLength(ids.slice(at))).toBe(Buffer.byteLength('naïve 汉字 🙂'));
});
