import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dataSchema, heldOutSchema, tokenizerSchema } from '../../config/sections/data.js';
import { inputDigests, loadTokenizer, openDataset, openSources, prepareCorpus, readHeldOut, type PrepareCorpus, type TokenRow } from '../../lib/data/index.js';
import { demoHeldOut } from '../../lib/data/demo/index.js';
import { randomStream } from '../../lib/random.js';
import { collect, temporaryFolder } from './temporary.js';

const T = 32;

function prose(key: string, words: number): string {
  const random = randomStream(key);
  const vocabulary = ['whale', 'ship', 'sea', 'the', 'a', 'of', 'and', 'captain', 'water', 'old', 'man', 'great', 'harpoon', 'sails', 'wind'];
  return Array.from({ length: words }, (_, i) => vocabulary[random.below(vocabulary.length)] + (i % 9 === 8 ? '.' : '')).join(' ');
}

/** A corpus of two sources and held-out files; what is given overrides. */
async function own(override: Partial<PrepareCorpus> & { files?: (folder: string) => Promise<void>; tokenizerVocabulary?: number } = {}) {
  const { files, tokenizerVocabulary = 280, ...rest } = override;
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'a.jsonl'), Array.from({ length: 60 }, (_, i) => JSON.stringify({ text: prose(`a${i}`, 120) })).join('\n'));
  await writeFile(path.join(folder, 'b.jsonl'), Array.from({ length: 30 }, (_, i) => JSON.stringify({ text: prose(`b${i}`, 100) })).join('\n'));
  for (let i = 0; i < 6; i++) await writeFile(path.join(folder, `held-${i}.txt`), prose(`held${i}`, 200));
  await files?.(folder);
  const { sources } = dataSchema.parse({
    rowsPerGroup: 1,
    sources: [
      { type: 'files', name: 'first', paths: ['a.jsonl'] },
      { type: 'files', name: 'second', paths: ['b.jsonl'] },
    ],
  });
  const outputFolder = path.join(folder, 'out');
  await mkdir(outputFolder);
  const result = prepareCorpus({
    sources: openSources({ sources }, folder),
    tokenizer: tokenizerSchema.parse({ type: 'train', vocabularySize: tokenizerVocabulary }),
    heldOut: heldOutSchema.parse({ source: { type: 'files', paths: ['held-*.txt'] }, validation: 8, tuning: 6, test: 7 }),
    sequenceLength: T,
    rowsPerGroup: 60,
    groups: 3,
    rowsPerShard: 25,
    seed: '0',
    vocabularySize: 300,
    outputFolder,
    configFolder: folder,
    ...rest,
  });
  return { folder, outputFolder, result };
}

const rowsOf = async (outputFolder: string, index: Awaited<ReturnType<typeof prepareCorpus>>['index'], group: number): Promise<TokenRow[]> => {
  const dataset = await openDataset({ file: (name) => Promise.resolve(path.join(outputFolder, name)) }, index.groups[group]);
  return collect(dataset.read(0, dataset.rows));
};

describe('a corpus of files', () => {
  test('becomes disjoint groups of whole rows, and what is asked for beside them', async () => {
    const { outputFolder, result } = await own();
    const { index } = await result;
    expect((await readdir(outputFolder, { recursive: true })).sort()).toEqual(
      [
        'corpus.json',
        'tokenizer.json',
        'held-out',
        ...['validation', 'tuning', 'test'].map((set) => `held-out/${set}.parquet`),
        ...[0, 1, 2].flatMap((group) => [`group-00${group}`, ...[0, 1, 2].map((part) => `group-00${group}/part-0000${part}-of-00003.parquet`)]),
      ].sort(),
    );
    expect(JSON.parse(await readFile(path.join(outputFolder, 'corpus.json'), 'utf8'))).toEqual(index);
    const all = (await Promise.all([0, 1, 2].map((group) => rowsOf(outputFolder, index, group)))).flat();
    expect(all).toHaveLength(180);
    expect(new Set(all.map(({ id }) => id)).size).toBe(180);
    for (const { id, source, tokens } of all) {
      expect(id.startsWith(`${source}:`)).toBe(true);
      expect(Math.max(...tokens)).toBeLessThan(index.vocabularySize);
    }
    expect(index.sources.map(({ name, rows }) => ({ name, rows }))).toEqual(['first', 'second'].map((name) => ({ name, rows: all.filter(({ source }) => source === name).length })));
    expect(index.sources.map(({ documents }) => documents)).toEqual([60, 30]);
    for (const [set, count] of [['validation', 8], ['tuning', 6], ['test', 7]] as const) {
      expect(await readHeldOut(path.join(outputFolder, index.heldOut[set].file), T)).toHaveLength(count);
      expect(index.heldOut[set].documents).toBe(2);
    }
  });

  test('rows in the order of their ids are the documents with an end-of-text token after each', async () => {
    // every row in one group, so that none is left over
    const { outputFolder, result } = await own({ groups: 1, rowsPerGroup: 100 });
    const { index } = await result;
    const tokenizer = await loadTokenizer(path.join(outputFolder, 'tokenizer.json'));
    const stream = Array.from({ length: 60 }, (_, i) => [...tokenizer.encode(prose(`a${i}`, 120)), 0]).flat();
    for (const { id, source, tokens } of await rowsOf(outputFolder, index, 0)) {
      if (source !== 'first') continue;
      const at = Number(id.split(':')[1]) * T;
      expect(Array.from(tokens)).toEqual(stream.slice(at, at + T));
    }
  });

  test('rows keep the ids of their documents', async () => {
    const { outputFolder, result } = await own({ groups: 1, rowsPerGroup: 100 });
    const { index } = await result;
    const tokenizer = await loadTokenizer(path.join(outputFolder, 'tokenizer.json'));
    const holders = Array.from({ length: 60 }, (_, i) => Array.from({ length: tokenizer.encode(prose(`a${i}`, 120)).length + 1 }, () => `a.jsonl:${i + 1}`)).flat();
    const dataset = await openDataset({ file: (name) => Promise.resolve(path.join(outputFolder, name)) }, index.groups[0], { documents: true });
    const rows = (await collect(dataset.read(0, dataset.rows))).filter(({ source }) => source === 'first');
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.some(({ documents }) => documents?.length === 2)).toBe(true);
    for (const { id, documents } of rows) {
      const at = Number(id.split(':')[1]) * T;
      expect(documents).toEqual([...new Set(holders.slice(at, at + T))]);
    }
  });

  test('a tokenised source gives the rows of its texts, and leaves out what is held out', async () => {
    const text = await own();
    const { digest } = await text.result;
    const file = path.join(text.outputFolder, 'tokenizer.json');
    const tokenizer = await loadTokenizer(file);
    const folder = await temporaryFolder();
    const ids = (key: string, words: number): number[] => tokenizer.encode(prose(key, words));
    await writeFile(path.join(folder, 'a.jsonl'), Array.from({ length: 60 }, (_, i) => JSON.stringify({ input_ids: ids(`a${i}`, 120) })).join('\n'));
    // the second as nanoGPT has it: an end of text after each document
    const stream = ['held0', ...Array.from({ length: 30 }, (_, i) => `b${i}`)].flatMap((key) => [...ids(key, key === 'held0' ? 200 : 100), tokenizer.endOfText]);
    await writeFile(path.join(folder, 'b.bin'), new Uint8Array(Uint16Array.from(stream).buffer));
    const { sources } = dataSchema.parse({
      rowsPerGroup: 1,
      sources: [
        { type: 'tokens', name: 'first', paths: ['a.jsonl'] },
        { type: 'tokens', name: 'second', paths: ['b.bin'] },
      ],
    });
    const tokenised = await own({ sources: openSources({ sources }, folder), tokenizer: { type: 'file', path: file } });
    const { digest: same, index } = await tokenised.result;
    expect(same).toBe(digest);
    expect(index.sources.map(({ documents }) => documents)).toEqual([60, 30]);
    await expect((await own({ sources: openSources({ sources }, folder) })).result).rejects.toMatchObject({ code: 'ConfigInvalid', where: 'tokenizer.type', fix: expect.stringContaining('type: file') as string });
    await expect((await own({ sources: openSources({ sources }, folder), tokenizer: { type: 'file', path: file }, vocabularySize: 280 })).result).resolves.toBeDefined();
  });

  test('the same seed gives the same digest, another seed, text or tokenizer another', async () => {
    const digest = async (override: Parameters<typeof own>[0] = {}) => (await (await own(override)).result).digest;
    const first = await digest();
    expect(await digest({ rowsPerShard: 60 })).toBe(first); // the cut into files is no content
    const others = [
      await digest({ seed: '1' }),
      await digest({ tokenizerVocabulary: 270 }),
      await digest({ files: (folder) => writeFile(path.join(folder, 'held-0.txt'), prose('changed', 200)) }),
      await digest({ files: (folder) => writeFile(path.join(folder, 'b.jsonl'), Array.from({ length: 30 }, (_, i) => JSON.stringify({ text: prose(`c${i}`, 100) })).join('\n')) }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  test('a document that is held out is no part of the corpus', async () => {
    const { outputFolder, result } = await own({
      files: (folder) => writeFile(path.join(folder, 'b.jsonl'), [...[0, 1, 2, 3, 4, 5].map((i) => prose(`held${i}`, 200)), ...Array.from({ length: 24 }, (_, i) => prose(`b${i}`, 100))].map((text) => JSON.stringify({ text })).join('\n')),
    });
    const { index } = await result;
    expect(index.sources[1].documents).toBe(24);
    expect(index.groups).toHaveLength(3);
    expect(await readdir(outputFolder)).toContain('corpus.json');
  });

  test('a tokenizer of the user goes on as it is', async () => {
    const first = await own();
    await first.result;
    const text = await readFile(path.join(first.outputFolder, 'tokenizer.json'), 'utf8');
    const pretty = `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
    const second = await own({ tokenizer: { type: 'file', path: 'mine.json' }, files: (folder) => writeFile(path.join(folder, 'mine.json'), pretty) });
    const { digest } = await second.result;
    expect(digest).toBe((await first.result).digest);
    expect(await readFile(path.join(second.outputFolder, 'tokenizer.json'), 'utf8')).toBe(pretty);
  });

  test('says how far it is, and stops when asked', async () => {
    const steps: number[] = [];
    await (await own({ onProgress: (step, of) => void steps.push(step / of) })).result;
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(1);
    // a turn comes every 25 ms at most; enough rows that one comes
    const { outputFolder, result } = await own({ shouldStop: () => true, files: (folder) => writeFile(path.join(folder, 'a.jsonl'), Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ text: prose(`a${i}`, 120) })).join('\n')) });
    await expect(result).rejects.toMatchObject({ code: 'Stopped' });
    expect(await readdir(outputFolder)).not.toContain('.shuffle');
  });
});

describe('errors', () => {
  test('a corpus smaller than its groups says what fits', async () => {
    const { outputFolder, result } = await own({ rowsPerGroup: 5_000 });
    const error: unknown = await result.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'DataInvalid', message: expect.stringMatching(/the corpus has (\d+) rows of 32 tokens, 15000 are needed \(3 groups of 5000\); lower data.rowsPerGroup to \d+/) as string });
    const fits = Number(/rowsPerGroup to (\d+)/.exec((error as Error).message)?.[1]);
    expect(await readdir(outputFolder)).not.toContain('.shuffle');
    const { index } = await (await own({ rowsPerGroup: fits })).result;
    expect(index.groups[2].rows).toBe(fits);
    await expect((await own({ rowsPerGroup: fits + 1 })).result).rejects.toThrow(/rows of 32 tokens/);
  });

  test('a tokenizer that does not fit the vocabulary', async () => {
    await expect((await own({ vocabularySize: 270 })).result).rejects.toMatchObject({ code: 'DataInvalid', where: 'models.vocabularySize', fix: expect.stringContaining('at least 280') as string });
  });

  test('an empty corpus, a broken line, no tokenizer file, too little held-out text', async () => {
    await expect((await own({ files: (folder) => writeFile(path.join(folder, 'a.jsonl'), '\n') })).result).rejects.toThrow(/there is no text in/);
    await expect((await own({ files: (folder) => writeFile(path.join(folder, 'b.jsonl'), '{"text":"a"}\n{') })).result).rejects.toThrow(/b\.jsonl:2/);
    await expect((await own({ tokenizer: { type: 'file', path: 'none.json' } })).result).rejects.toThrow(/none\.json/);
    await expect((await own({ heldOut: heldOutSchema.parse({ source: { type: 'files', paths: ['held-0.txt'] } }) })).result).rejects.toMatchObject({ where: expect.stringContaining('heldOut.') as string });
  });
});

test('input digests follow the content of files', async () => {
  const folder = await temporaryFolder();
  const data = { sources: dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'files', name: 'x', paths: ['*.txt'] }] }).sources };
  const digests = () => inputDigests({ data, tokenizer: tokenizerSchema.parse({ type: 'train' }), heldOut: heldOutSchema.parse({ source: { type: 'demo' } }), configFolder: folder });
  await writeFile(path.join(folder, 'a.txt'), 'one');
  const first = await digests();
  expect(await digests()).toEqual(first);
  expect(first.sources['x'][0].name).toBe('a.txt');
  await writeFile(path.join(folder, 'a.txt'), 'two');
  expect(await digests()).not.toEqual(first);
});

describe('the demo corpus', () => {
  const prepare = async (seed: string) => {
    const outputFolder = await temporaryFolder();
    const { sources } = dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'demo' }] });
    const result = await prepareCorpus({
      sources: openSources({ sources }, outputFolder, seed),
      tokenizer: tokenizerSchema.parse({ type: 'train', vocabularySize: 1_024, sampleBytes: 1_000_000 }),
      heldOut: heldOutSchema.parse({ source: { type: 'demo' }, validation: 200, tuning: 200, test: 200 }),
      sequenceLength: 128,
      rowsPerGroup: 400,
      groups: 3,
      rowsPerShard: 400,
      seed,
      vocabularySize: 1_024,
      outputFolder,
      configFolder: outputFolder,
    });
    return { outputFolder, ...result };
  };

  test('has the mixture of the design, groups that are alike, held-out books that no row holds', async () => {
    const { outputFolder, index, digest } = await prepare('0');
    expect(index.sources.map(({ name, rows }) => [name, rows])).toEqual([['books', 240], ['speeches', 240], ['email', 180], ['spam', 240], ['shuffled', 180], ['boilerplate', 120]]);
    const tokenizer = await loadTokenizer(path.join(outputFolder, 'tokenizer.json'));
    const groups = await Promise.all([0, 1, 2].map((group) => rowsOf(outputFolder, index, group)));
    for (const rows of groups) expect(Math.abs(rows.filter(({ source }) => source === 'books').length - 80)).toBeLessThan(30); // 4 standard deviations
    const corpus = groups.flat().map(({ tokens }) => tokenizer.decode(tokens)).join('\n');
    const seen = new Set<string>();
    for (const set of ['validation', 'tuning', 'test'] as const) {
      const documents = new Set<string>();
      for (const { id, tokens, length } of await readHeldOut(path.join(outputFolder, index.heldOut[set].file), 128)) {
        documents.add(id.split('#')[0]);
        const text = tokenizer.decode(tokens.subarray(0, length));
        // 40 characters from the middle would be found if the passage were a part of rows
        const middle = text.slice(text.length / 2 - 20, text.length / 2 + 20);
        expect(middle.length).toBeGreaterThan(20);
        expect(corpus.includes(middle), middle).toBe(false);
      }
      expect(documents.size).toBe(index.heldOut[set].documents);
      for (const document of documents) {
        expect(seen.has(document)).toBe(false);
        seen.add(document);
      }
    }
    expect((await prepare('0')).digest).toBe(digest);
    const other = await prepare('1');
    expect(other.digest).not.toBe(digest);
    // settings are chosen and reported on the same documents whatever the seed
    const testDocuments = async (folder: string) => new Set((await readHeldOut(path.join(folder, 'held-out/test.parquet'), 128)).map(({ id }) => id.split('#')[0]));
    expect(await testDocuments(other.outputFolder)).toEqual(await testDocuments(outputFolder));
  });

  test('says which source has too little', async () => {
    const outputFolder = await temporaryFolder();
    const { sources } = dataSchema.parse({ rowsPerGroup: 1, sources: [{ type: 'demo', mixture: { books: 1, speeches: 0, email: 0, spam: 0, shuffled: 0, boilerplate: 0 } }] });
    const run = prepareCorpus({
      sources: openSources({ sources }, outputFolder, '0'),
      tokenizer: tokenizerSchema.parse({ type: 'train', vocabularySize: 512, sampleBytes: 200_000 }),
      heldOut: heldOutSchema.parse({ source: { type: 'demo' }, validation: 10, tuning: 10, test: 10 }),
      sequenceLength: 128,
      rowsPerGroup: 20_000,
      groups: 2,
      rowsPerShard: 400,
      seed: '0',
      vocabularySize: 512,
      outputFolder,
      configFolder: outputFolder,
    });
    await expect(run).rejects.toThrow(/books has \d+ of 40000/);
    expect((await collect(demoHeldOut().documents())).length).toBeGreaterThan(90);
  });
});
