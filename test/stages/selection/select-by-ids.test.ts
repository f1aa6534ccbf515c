import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ref } from '../../../lib/artifacts/types.js';
import { openDataset, parquetRows, readParquet, writeParquet } from '../../../lib/data/index.js';
import type { TokenRow } from '../../../lib/data/types.js';
import { openCorpus, openSelection } from '../../../lib/stages/contents/corpus.js';
import type { StageInputs, StageResult } from '../../../lib/stages/index.js';
import { call, config, left, prepared, root, store } from '../small-home.js';

afterAll(() => rmSync(root, { recursive: true }));

let corpus: Ref;
/** all rows, group after group */
const rows: TokenRow[] = [];
/** places of those that are given: of all groups, the first and the last row among them */
const PLACES = [0, 5, 31, 64, 70, 101, 128, 129, 191];
let ids: readonly string[];
beforeAll(async () => {
  corpus = (await prepared()).ref;
  const opened = await openCorpus(store, corpus);
  for (let group = 0; group < 3; group++) {
    const dataset = await opened.group(group);
    for await (const row of dataset.read(0, dataset.rows)) rows.push(row);
  }
  ids = PLACES.map((place) => rows[place].id);
}, 60_000);

let folders = 0;
function empty(): string {
  const folder = path.join(root, `ids-${folders++}`);
  mkdirSync(folder);
  return folder;
}
const given = (folder: string, round = 1): StageInputs['selection'] => ({ selector: 'bliss', fraction: 0.2, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: round, scores: [], seed: `0/round-${round}`, ids: { path: path.basename(folder), folder: path.dirname(folder) } });
/** The rows that a training stage would read. */
async function stored(ref: Ref): Promise<readonly TokenRow[]> {
  const { artifact, index } = await openSelection({ store, ref, batchSize: 1, sequenceLength: config.data.sequenceLength, stage: 'test' });
  const dataset = await openDataset(artifact, index);
  const all: TokenRow[] = [];
  for await (const row of dataset.read(0, dataset.rows)) all.push(row);
  return all;
}
const asJson = (list: readonly string[]): string => list.map((id) => `${JSON.stringify({ text: 'of no interest', id })}\n`).join('');
const asParquet = (file: string, list: readonly string[]) => writeParquet({ file, schema: { text: { type: 'UTF8' }, id: { type: 'UTF8' } }, rows: list.map((id) => ({ text: 'of no interest', id })), rowGroupRows: 4 });

describe('rows of given ids', () => {
  test.each<readonly [string, (folder: string) => unknown]>([
    ['Parquet', (folder) => asParquet(path.join(folder, 'train-00000-of-00001.parquet'), ids)],
    ['JSON lines', (folder) => writeFileSync(path.join(folder, 'ids.jsonl'), asJson(ids))],
    ['text', (folder) => writeFileSync(path.join(folder, 'ids.txt'), `\uFEFF${ids.join('\r\n\n')}`)],
    ['several files of each, in another order and some twice, beside what is none', async (folder) => {
      mkdirSync(path.join(folder, 'data', '.hidden'), { recursive: true });
      await asParquet(path.join(folder, 'data', 'b.parquet'), ids.slice(0, 4).reverse());
      writeFileSync(path.join(folder, 'a.jsonl.gz'), gzipSync(asJson(ids.slice(2, 7))));
      writeFileSync(path.join(folder, 'c.txt'), `${ids.slice(6).reverse().join('\n')}\n`);
      writeFileSync(path.join(folder, 'README.md'), 'a card');
      writeFileSync(path.join(folder, 'data', '.hidden', 'ids.txt'), 'nothing:000000000');
    }],
    ['an exported folder with a table of all rows beside them', async (folder) => {
      for (const name of ['data', 'scores']) mkdirSync(path.join(folder, name));
      await asParquet(path.join(folder, 'data', 'train-00000-of-00001.parquet'), ids);
      await writeParquet({ file: path.join(folder, 'scores', 'part-00000-of-00001.parquet'), schema: { id: { type: 'UTF8' }, score: { type: 'FLOAT' }, selected: { type: 'BOOLEAN' } }, rows: rows.map(({ id }) => ({ id, score: 0.5, selected: ids.includes(id) })) });
      writeFileSync(path.join(folder, 'manifest.json'), '{}');
    }],
  ])('in %s are those rows of the corpus, of whichever group, in its order', async (_, write) => {
    const folder = empty();
    await write(folder);
    const { ref, summary } = await call('selection', given(folder));
    const found = await stored(ref);
    expect(found.map(({ id }) => id)).toEqual(ids);
    found.forEach((row, i) => expect(row).toEqual({ ...rows[PLACES[i]], index: i }));
    expect(summary).toMatchObject({ selector: 'bliss', group: null, rows: 192, selected: 9, scoresDigest: null });
    const artifact = await store.open(ref);
    const table = await readParquet({ file: await artifact.file('selected.parquet') });
    expect(table.map(({ id, index, source, rank, score }) => ({ id, index: Number(index), source, rank: Number(rank), score: score ?? null }))).toEqual(PLACES.map((place, i) => ({ id: ids[i], index: place, source: rows[place].source, rank: i, score: null })));
    interface Facts {
      readonly sources: readonly { readonly source: string; readonly rows: number; readonly selectedRows: number }[];
      readonly samples: { readonly top: readonly number[]; readonly bottom: readonly number[]; readonly texts: Readonly<Record<string, string>> };
    }
    const facts = JSON.parse(await readFile(await artifact.file('facts.json'), 'utf8')) as Facts;
    for (const { source, rows: all, selectedRows } of facts.sources) {
      expect(all).toBe(rows.filter((row) => row.source === source).length);
      expect(selectedRows).toBe(PLACES.filter((place) => rows[place].source === source).length);
    }
    expect(facts.sources.reduce((sum, { rows: all }) => sum + all, 0)).toBe(192);
    expect(facts.samples.top).toEqual(PLACES.slice(0, 4));
    expect(facts.samples.bottom).toEqual([1, 2, 3, 4]);
    expect(Object.keys(facts.samples.texts)).toHaveLength(8);
  });

  test('that another selection kept are the very selection: what trains on it is found finished', async () => {
    const other = await call('selection', { selector: 'random', fraction: 0.4, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 2, scores: [], seed: '1' });
    const folder = empty();
    writeFileSync(path.join(folder, 'selected.parquet'), readFileSync(await (await store.open(other.ref)).file('selected.parquet')));
    const again = await call('selection', given(folder));
    expect(again.ref.digest).toBe(other.ref.digest);
    expect(await stored(again.ref)).toEqual(await stored(other.ref));
  });

  test('are found again in every round, under another name and other settings of learning, and looked up anew for one id more', async () => {
    const folder = empty();
    writeFileSync(path.join(folder, 'a.txt'), ids.join('\n'));
    const first = await call('selection', given(folder));
    expect(await call('selection', { ...given(folder, 2), fraction: 0.5, method: 'gumbel-top-k' })).toEqual({ ...first, cached: true });
    renameSync(path.join(folder, 'a.txt'), path.join(folder, 'b.txt'));
    renameSync(folder, `${folder}-moved`);
    expect((await call('selection', given(`${folder}-moved`))).cached).toBe(true);
    writeFileSync(path.join(`${folder}-moved`, 'b.txt'), [...ids, rows[1].id].join('\n'));
    const more = await call('selection', given(`${folder}-moved`));
    expect(more.cached).toBe(false);
    expect(more.summary['selected']).toBe(10);
  });

  test('one file may be named instead of its folder', async () => {
    const folder = empty();
    writeFileSync(path.join(folder, 'ids.txt'), ids.join('\n'));
    expect((await stored((await call('selection', { ...given(folder), ids: { path: './ids.txt', folder } })).ref)).map(({ id }) => id)).toEqual(ids);
  });
});

test('a selection without ids has the key that it had', async () => {
  const input: StageInputs['selection'] = { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 0, scores: [], seed: '3' };
  const { selection } = await import('../../../lib/stages/selection/selection.js');
  const { keyContent } = await import('../../../lib/stages/execution/execute.js');
  expect(await keyContent(selection, { input, scope: '' })).toEqual({ name: 'selection', version: selection.version, input: { ...input, corpus: { digest: corpus.digest } }, parts: null, scope: '' });
});

describe('ids that are of no use are one error, which leaves nothing', () => {
  const scores = async (folder: string): Promise<unknown> => {
    await asParquet(path.join(folder, 'selected.parquet'), ids);
    return writeParquet({ file: path.join(folder, 'scores.parquet'), schema: { id: { type: 'UTF8' }, logit: { type: 'FLOAT' } }, rows: rows.map(({ id }) => ({ id, logit: 0.5 })) });
  };
  test.each<readonly [string, (folder: string) => unknown, string, RegExp]>([
    ['no such folder', (folder) => rmSync(folder, { recursive: true }), 'DataInvalid', /^selection\.from: there is no file and no folder \S+ids-\d+; name a folder of ids/],
    ['no file of ids', (folder) => writeFileSync(path.join(folder, 'README.md'), ids.join('\n')), 'DataInvalid', /^selection\.from: there is no file of ids in .*; write Parquet with a column id, JSON lines/],
    ['no id', (folder) => writeFileSync(path.join(folder, 'ids.txt'), '\n \n'), 'DataInvalid', /ids\.txt: there is no id in it; write Parquet/],
    ['ids of another corpus', (folder) => writeFileSync(path.join(folder, 'ids.txt'), [ids[0], 'books:999999999', ids[1], 'spam:999999999'].join('\n')), 'DataInvalid', /2 of 4 ids are of no row of this run's corpus; the first is "books:999999999"; give this run the data, tokenizer, rounds and seed/],
    ['ids of documents', (folder) => writeFileSync(path.join(folder, 'ids.jsonl'), asJson(['c4/a.jsonl:12'])), 'DataInvalid', /1 of 1 ids are of no row .* the first is "c4\/a\.jsonl:12"; give ids of packed rows, as SOURCE:000000017/],
    ['Parquet without the column', (folder) => writeParquet({ file: path.join(folder, 'a.parquet'), schema: { row: { type: 'UTF8' }, text: { type: 'UTF8' } }, rows: [{ row: 'x', text: 'y' }] }), 'DataInvalid', /a\.parquet: there is no column id; the file has row, text; write/],
    ['JSON lines without the field', (folder) => writeFileSync(path.join(folder, 'a.jsonl'), `${asJson([ids[0]])}{"text": "x"}\n`), 'DataInvalid', /a\.jsonl:2: the id is missing, not a text; give ids of rows/],
    ['a number', (folder) => writeFileSync(path.join(folder, 'a.jsonl'), '{"id": 17}\n'), 'DataInvalid', /a\.jsonl:1: the id is a number, not a text; give ids of rows, as SOURCE:000000017/],
    ['scores of all rows', scores, 'DataInvalid', /scores\.parquet: it holds scores of all rows, chosen or not; name the selected\.parquet beside it/],
    ['Parquet that is cut off', async (folder) => {
      await asParquet(path.join(folder, 'a.parquet'), ids);
      writeFileSync(path.join(folder, 'a.parquet'), readFileSync(path.join(folder, 'a.parquet')).subarray(0, 100));
    }, 'DataCorrupt', /a\.parquet: cannot be read as Parquet/],
  ])('%s', async (_, write, code, says) => {
    const folder = empty();
    await write(folder);
    const before = left();
    await expect(call('selection', given(folder))).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
    expect(left()).toEqual(before);
  });

  test('rows of another length are refused where they would be trained on', async () => {
    const { ref }: StageResult = await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus, group: 0, scores: [], seed: '0' });
    await expect(openSelection({ store, ref, batchSize: 4, sequenceLength: 32, stage: 'pretraining' })).rejects.toMatchObject({ code: 'DataInvalid', message: expect.stringMatching(/rows of 16 tokens, data\.sequenceLength is 32; take a selection of a run with the same data/) });
  });
});

test('the same ids over another text are another selection: nothing that was trained on the one is found for the other', async () => {
  const prepare = (vocabularySize: number): Promise<StageResult> => call('prepare', { data: config.data, tokenizer: { type: 'train', vocabularySize, sampleBytes: 500_000 }, heldOut: config.heldOut, vocabularySize: 512, groups: 1, seed: '0', configFolder: root });
  const select = async (vocabularySize: number): Promise<Ref> => (await call('selection', { selector: 'random', fraction: 0.5, method: 'top-k', temperature: 0, trainedRows: 'flag', corpus: (await prepare(vocabularySize)).ref, group: 0, scores: [], seed: '0' })).ref;
  const [one, other] = [await select(512), await select(300)];
  const idsOf = async (ref: Ref): Promise<string[]> => (await stored(ref)).map(({ id }) => id);
  expect(await idsOf(one)).toEqual(await idsOf(other));
  expect(one.digest).not.toBe(other.digest);
});

test('the ids of a stage’s own shards are read too', async () => {
  const [first] = (await openCorpus(store, corpus)).index.groups[1].shards;
  const file = await (await store.open(corpus)).file(first.file);
  const found: string[] = [];
  for await (const { id } of parquetRows({ file, columns: ['id'] })) found.push(String(id));
  const folder = empty();
  writeFileSync(path.join(folder, 'part.parquet'), readFileSync(file));
  expect((await stored((await call('selection', given(folder))).ref)).map(({ id }) => id)).toEqual(found);
});
