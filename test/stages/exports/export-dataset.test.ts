import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fileBlobs, openStore, sha256 } from '../../../lib/artifacts/index.js';
import { loadTokenizer, openParquet, readParquet } from '../../../lib/data/index.js';
import { exportDataset } from '../../../lib/stages/exports/export-dataset.js';
import { mountSmall } from '../../needs/machine.js';
import { selectedRows } from './selected-rows.js';

let of: Awaited<ReturnType<typeof selectedRows>>;
beforeAll(async () => {
  of = await selectedRows();
}, 120_000);
afterAll(() => rmSync(of.root, { recursive: true, force: true }));

const folderOf = (name: string): string => path.join(of.root, 'out', name);
/** every file within, by its path */
const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(path.join(folder, name)).isFile()).sort();
const read = async (folder: string, within: string): Promise<Record<string, unknown>[]> => {
  const rows: Record<string, unknown>[] = [];
  for (const name of filesOf(path.join(folder, within))) rows.push(...(await readParquet({ file: path.join(folder, within, name) })));
  return rows;
};
const manifestOf = (folder: string) => JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as {
  files: { name: string; bytes: number; sha256: string; rows?: number }[];
  lineage: { path: string; digest: string; sha256: string; stage: string; codeVersion: string; inputs: Record<string, { sha256: string }> }[];
  rounds: { round: number; digest: string }[];
};
/** what the rows of a round are ranked by: falling logit, then id */
const ranking = (round: number) => of.rows.filter((row) => row.round === round).sort((a, b) => b.logit - a.logit || (a.id < b.id ? -1 : 1));

describe('the rows of two rounds', () => {
  const name = 'both';
  beforeAll(async () => {
    expect(await exportDataset({ ...of.asked('bliss', [1, 2]), what: 'dataset', to: folderOf(name) })).toEqual({ rows: 2 * of.chosen, scores: of.rows.length });
  });

  test('are those with the highest scores, each with the text of its tokens, its score, and its rank from 0', async () => {
    const tokenizer = await loadTokenizer(await of.corpus.artifact.file('tokenizer.json'));
    const expected = [1, 2].flatMap((round) =>
      ranking(round)
        .slice(0, of.chosen)
        .map(({ id, source, tokens, logit, documents }, rank) => ({ id, source, text: tokenizer.decode(tokens), score: logit, rank, round, documents })),
    );
    const found = await read(folderOf(name), 'data');
    expect(found.toSorted((a, b) => Number(a['round']) - Number(b['round']) || Number(a['rank']) - Number(b['rank']))).toEqual(expected);
    // they lie as the shards have them, which is shuffled: neither by rank nor by source
    const order = of.rows.filter(({ id }) => expected.some((row) => row.id === id)).map(({ id }) => id);
    expect(found.map((row) => row['id'])).toEqual(order);
    expect(expected.every(({ text, documents }) => text.length > 20 && (documents ?? []).length > 0)).toBe(true);
  });

  test('have beside them the scores of all rows, with what trained the scorer and what was chosen', async () => {
    const rankOf = new Map([1, 2].flatMap((round) => ranking(round).slice(0, of.chosen).map(({ id }, rank) => [id, rank] as const)));
    expect(await read(folderOf(name), 'scores')).toEqual(of.rows.map(({ id, source, logit, trained, round }) => ({ id, source, score: logit, trained, selected: rankOf.has(id), rank: rankOf.get(id) ?? null, round })));
  });

  test('come with a manifest: the sha256 of every file, and all that they were made by', async () => {
    const { files, lineage, ...manifest } = manifestOf(folderOf(name));
    expect(files.map((file) => file.name).sort()).toEqual(filesOf(folderOf(name)).filter((file) => file !== 'manifest.json'));
    for (const file of files) {
      const bytes = readFileSync(path.join(folderOf(name), file.name));
      expect(file).toMatchObject({ bytes: bytes.length, sha256: sha256(bytes) });
      if (file.name.endsWith('.parquet')) expect(file.rows).toBe((await readParquet({ file: path.join(folderOf(name), file.name) })).length);
    }
    const { sources, sequenceLength, tokenizer } = of.corpus.index;
    const corpus = of.corpus.artifact.ref;
    expect(manifest).toMatchObject({
      what: 'dataset', run: 'test', seed: 0, arm: 'bliss', selector: 'bliss', configuration: { sha256: 'c'.repeat(64) },
      corpus: { digest: corpus.digest, sha256: corpus.sha256, sequenceLength, sources }, tokenizer: { sha256: tokenizer.sha256 },
      rounds: [1, 2].map((round) => ({ round, stage: `seed-0/bliss/round-${round}/selection`, digest: of.refOf(`seed-0/bliss/round-${round}/selection`).digest, rows: of.rows.length / 2, selectedRows: of.chosen, threshold: ranking(round)[of.chosen - 1].logit })),
    });
    expect(sources.every((source) => /^[0-9a-f]{64}$/.test(source.sha256) && source.rows > 0)).toBe(true);
    const ofRound = (round: number) => [`seed-0/bliss/round-${round}/scoring[0]`, `seed-0/bliss/round-${round}/scoring[1]`, `seed-0/bliss/round-${round}/selection`];
    expect(lineage.map((one) => one.path)).toEqual(['seed-0/prepare', ...ofRound(1), ...ofRound(2)]);
    expect(lineage[0]).toMatchObject({ stage: 'prepare', codeVersion: '1.2.3', digest: corpus.digest });
    // every input is one that came before
    for (const [i, one] of lineage.entries()) for (const input of Object.values(one.inputs)) expect(lineage.slice(0, i).map(({ sha256: before }) => before)).toContain(input.sha256);
  });

  test('and with a card whose head says what is in the files, and whose tables count it', async () => {
    const card = readFileSync(path.join(folderOf(name), 'README.md'), 'utf8');
    const head = parse(card.split('---\n')[1]) as { configs: { config_name: string; data_files: { path: string }[] }[]; dataset_info: { config_name: string; features: { name: string; dtype: string }[]; splits: unknown }[] };
    expect(head).toMatchObject({ license: 'unknown', task_categories: ['text-generation'], size_categories: ['n<1K'], configs: [{ config_name: 'default' }, { config_name: 'scores' }] });
    expect(head.configs.map((one) => one.data_files[0].path)).toEqual(['data/train-*.parquet', 'scores/part-*.parquet']);
    expect(head.dataset_info.map((one) => one.splits)).toEqual([[{ name: 'train', num_examples: 2 * of.chosen }], [{ name: 'train', num_examples: of.rows.length }]]);
    for (const [i, within] of (['data', 'scores'] as const).entries()) {
      const parquet = await openParquet(path.join(folderOf(name), within, filesOf(path.join(folderOf(name), within))[0]));
      await parquet.close();
      expect(head.dataset_info[i].features.map((feature) => feature.name)).toEqual(parquet.columns);
    }
    const chosen = [1, 2].flatMap((round) => ranking(round).slice(0, of.chosen));
    const names = new Set(of.rows.map(({ source }) => source));
    expect(names.size).toBeGreaterThan(2);
    for (const source of names) {
      const [rows, kept] = [of.rows, chosen].map((each) => each.filter((row) => row.source === source).length);
      const share = { rows: rows / of.rows.length, kept: kept / chosen.length };
      expect(card).toContain(`| ${source} | ${rows} | ${kept} | ${(100 * share.rows).toFixed(1)} % | ${(100 * share.kept).toFixed(1)} % | ${(share.kept / share.rows).toFixed(2)} |`);
    }
    expect(card).toContain('its 48 tokens as text |');
    expect(card).toContain('joined by `<|endoftext|>`');
    expect(card).toContain('Kept were those with the highest scores.');
  });

  test('have the same bytes a second time', async () => {
    const again = folderOf('again');
    await exportDataset({ ...of.asked('bliss', [1, 2]), store: openStore({ blobs: fileBlobs({ root: path.join(of.root, 'store') }) }), what: 'dataset', to: again });
    expect(filesOf(again)).toEqual(filesOf(folderOf(name)));
    for (const file of filesOf(again)) expect(readFileSync(path.join(again, file)).equals(readFileSync(path.join(folderOf(name), file))), file).toBe(true);
  });

  test('in small files are the same rows, and no file holds more than was asked for', async () => {
    const to = folderOf('shards');
    await exportDataset({ ...of.asked('bliss', [1, 2]), what: 'dataset', to, shardBytes: 2_000 });
    const shards = readdirSync(path.join(to, 'data'));
    expect(shards.length).toBeGreaterThan(3);
    expect(shards).toEqual(shards.map((_, i) => `train-${String(i).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.parquet`));
    for (const shard of shards) {
      const rows = await readParquet({ file: path.join(to, 'data', shard) });
      const bytes = rows.reduce((sum, row) => sum + ['id', 'source', 'text'].reduce((all, column) => all + Buffer.byteLength(String(row[column])), 0), 0);
      expect(bytes).toBeLessThan(2_000);
      if (shard !== shards.at(-1)) expect(bytes).toBeGreaterThan(1_200);
    }
    expect(await read(to, 'data')).toEqual(await read(folderOf(name), 'data'));
    expect(await read(to, 'scores')).toEqual(await read(folderOf(name), 'scores'));
  });
});

test('scores alone are the same files as beside the rows', async () => {
  const to = folderOf('scores');
  expect(await exportDataset({ ...of.asked('bliss', [2]), what: 'scores', to })).toEqual({ scores: of.rows.length / 2 });
  expect(filesOf(to)).toEqual(['README.md', 'manifest.json', 'scores/part-00000-of-00001.parquet']);
  expect((await read(to, 'scores')).map(({ id, score, round }) => ({ id, score, round }))).toEqual(of.rows.filter(({ round }) => round === 2).map(({ id, logit, round }) => ({ id, score: logit, round })));
  const head = parse(readFileSync(path.join(to, 'README.md'), 'utf8').split('---\n')[1]) as { configs: { config_name: string }[] };
  expect(head.configs.map((one) => one.config_name)).toEqual(['scores']);
  expect(manifestOf(to).rounds.map(({ round }) => round)).toEqual([2]);
});

test('what chance drew has ranks and no scores, and scores of it are refused', async () => {
  const to = folderOf('random');
  expect(await exportDataset({ ...of.asked('random', [1]), what: 'dataset', to })).toEqual({ rows: of.chosen });
  const rows = await read(to, 'data');
  expect(rows.map((row) => Number(row['rank'])).sort((a, b) => a - b)).toEqual(Array.from({ length: of.chosen }, (_, i) => i));
  expect(rows.every((row) => row['score'] === null)).toBe(true);
  expect(filesOf(to)).toEqual(['README.md', 'data/train-00000-of-00001.parquet', 'manifest.json']);
  const none = folderOf('no-scores');
  await expect(exportDataset({ ...of.asked('random', [1]), what: 'scores', to: none })).rejects.toMatchObject({ code: 'Usage', where: '--arm', message: expect.stringMatching(/random has no scores.*--what dataset/) });
  expect(existsSync(none)).toBe(false);
});

describe('nothing is left behind', () => {
  const left = (): string[] => readdirSync(path.join(of.root, 'out')).filter((name) => name.includes('broken'));

  test.each(['facts.json', 'selected.parquet', 'part-00000-of-00001.parquet', 'scores.parquet'])('where %s is not as it was written: that file is named', async (file) => {
    const moved = mkdtempSync(path.join(of.root, 'moved-'));
    cpSync(path.join(of.root, 'store'), moved, { recursive: true });
    const asked = of.asked('bliss', [1]);
    const artifact = path.join(moved, path.dirname(asked.selections[0].ref.uri.slice('store:'.length)));
    const [broken] = readdirSync(artifact, { recursive: true, encoding: 'utf8' }).filter((name) => path.basename(name) === file);
    const at = path.join(artifact, broken);
    const bytes = readFileSync(at);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(at, bytes);
    const store = openStore({ blobs: fileBlobs({ root: moved }) });
    await expect(exportDataset({ ...asked, store, what: 'dataset', to: folderOf('broken') })).rejects.toMatchObject({ code: 'DataCorrupt', where: at });
    expect(left()).toEqual([]);
  });

  test('where it was stopped', async () => {
    await expect(exportDataset({ ...of.asked('bliss', [1]), what: 'dataset', to: folderOf('broken'), stop: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Stopped' });
    expect(left()).toEqual([]);
  });

  test('and what is there already stays', async () => {
    const to = folderOf('there');
    mkdirSync(to);
    await expect(exportDataset({ ...of.asked('bliss', [1]), what: 'dataset', to })).rejects.toMatchObject({ code: 'Usage', where: to });
    expect(readdirSync(to)).toEqual([]);
    writeFileSync(path.join(to, 'file'), '');
    await expect(exportDataset({ ...of.asked('bliss', [1]), what: 'dataset', to: path.join(to, 'file', 'within') })).rejects.toMatchObject({ code: 'Usage', message: expect.stringContaining('cannot be made') });
  });

  test('where the disk is full', async (context) => {
    const small = mkdtempSync(path.join(of.root, 'small-'));
    mountSmall({ context, folder: small, size: '8k' });
    try {
      const to = path.join(small, 'rows');
      await expect(exportDataset({ ...of.asked('bliss', [1, 2]), what: 'dataset', to })).rejects.toMatchObject({ code: 'DiskFull', where: to, message: expect.stringContaining('nothing half-written is left') });
      expect(readdirSync(small)).toEqual([]);
      // with room it goes
      execFileSync('mount', ['-o', 'remount,size=1m', small]);
      expect(await exportDataset({ ...of.asked('bliss', [1, 2]), what: 'dataset', to })).toEqual({ rows: 2 * of.chosen, scores: of.rows.length });
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
