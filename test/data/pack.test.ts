import { expect, test } from 'vitest';
import { packRows, trainTokenizer, type CorpusDocument } from '../../lib/data/index.js';
import { collect } from './temporary.js';

const words = 'the cat sat on the mat and the other cat sat on the other mat '.repeat(8_000);
const tokenizer = await trainTokenizer({ texts: [words.slice(0, 5_000)], vocabularySize: 300, sampleBytes: 10_000 });

async function* documents(texts: readonly string[]): AsyncIterable<CorpusDocument> {
  for (const [i, text] of texts.entries()) yield { id: `d${i}`, source: 's', text };
}

test('a long document gives way while it is encoded, and its rows are those of its ids', async () => {
  const texts = ['one', words, 'two'];
  let rows = 0;
  const rowsAtPause: number[] = [];
  const packed = await collect(
    (async function* () {
      for await (const row of packRows({ source: 's', documents: documents(texts), tokenizer, sequenceLength: 1_000, onPause: async () => void rowsAtPause.push(rows) })) {
        rows++;
        yield row;
      }
    })(),
  );
  // after every slice of 65,536 characters, not after the document
  expect(new Set(rowsAtPause).size).toBeGreaterThan(words.length / 65_536);
  const ids = texts.flatMap((text) => [...tokenizer.encode(text), tokenizer.endOfText]);
  expect(packed.flatMap(({ tokens }) => [...tokens]).join()).toBe(ids.slice(0, packed.length * 1_000).join());
  expect(packed.length).toBe(Math.floor(ids.length / 1_000));
  expect(packed[0].documents).toEqual(['d0', 'd1']);
  expect(packed.slice(1).every((row) => row.documents.join() === 'd1')).toBe(true);
});

test('a document that cannot be encoded is named', async () => {
  const broken = { ...tokenizer, encodePieces: (): never => { throw new RangeError('Maximum call stack size exceeded'); } };
  await expect(collect(packRows({ source: 's', documents: documents(['x']), tokenizer: broken, sequenceLength: 8 }))).rejects.toMatchObject({ code: 'DataInvalid', where: 'd0', message: expect.stringContaining('cannot be encoded: Maximum call stack') as string, fix: expect.stringContaining('leave it out') as string });
});
