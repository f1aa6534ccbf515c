import { mkdirSync, mkdtempSync, rmSync, existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { fileBlobs, openStore } from '../../../lib/artifacts/index.js';
import { writeParquet } from '../../../lib/data/index.js';
import { randomStream } from '../../../lib/random.js';
import { SCORES_FILE } from '../../../lib/stages/contents/index.js';
import type { OpenedStage } from '../../../lib/stages/report/opened-stage.js';
import { SeparationCounts, sourceLines } from '../../../lib/stages/report/separation-counts.js';
import { separations } from '../../../lib/stages/report/separation.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'bliss-separation-'));
afterAll(() => rmSync(root, { recursive: true }));
const store = openStore({ blobs: fileBlobs({ root: path.join(root, 'store') }) });
let made = 0;

interface Row { readonly source: string; readonly score: number }

/** A selection of these rows, in the store. Without scores there is no file of them. */
async function selectionOf({ rows, arm, seed = 0, round = 1, scored = true }: { readonly rows: readonly Row[]; readonly arm: string | null; readonly seed?: number; readonly round?: number; readonly scored?: boolean }): Promise<OpenedStage> {
  const folder = path.join(root, String(made++));
  mkdirSync(folder);
  const schema = { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } } as const;
  await writeParquet({ file: path.join(folder, scored ? SCORES_FILE : 'selected.parquet'), schema, rows: rows.map(({ source, score }, index) => ({ id: `${source}:${index}`, index, source, logit: score, trained: false })) });
  const ref = await store.publish({ kind: 'selection', folder, digest: String(made), lineage: { stage: 'selection', stageVersion: 1, inputs: {} }, summary: {} });
  const stage = `seed-${seed}/${arm ?? 'warm-up'}/round-${round}/selection`;
  return { stage: { stage, name: 'selection', seed, arm, round, results: [{ ref, summary: {}, cached: false }] }, artifacts: [await store.open(ref)] };
}

const temporaryFolder = path.join(root, 'separating');
const separated = (opened: readonly OpenedStage[], targetSources: readonly string[] = []) => separations({ opened, targetSources, temporaryFolder });
const rowsOf = (scores: Readonly<Record<string, readonly number[]>>): Row[] => Object.entries(scores).flatMap(([source, own]) => own.map((score) => ({ source, score })));

/** by its definition, pair by pair */
function areaOf(own: readonly number[], others: readonly number[]): number {
  let sum = 0;
  for (const a of own) for (const b of others) sum += a > b ? 1 : a === b ? 0.5 : 0;
  return sum / (own.length * others.length);
}
const deviation = (values: readonly number[]): number => {
  const center = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length);
};

describe('scores source against source', () => {
  test('count how often the one row is above the other, ties half, and how far scores differ within a source', async () => {
    // books 1, 3, 3 over spam 0, 3: 1>0, 1<3, 3>0, 3=3 twice, 3>0 → (1 + 0 + 1 + ½ + 1 + ½) / 6
    const [one] = await separated([await selectionOf({ arm: 'ours', rows: rowsOf({ books: [1, 3, 3], spam: [3, 0] }) })]);
    expect(one).toMatchObject({ seed: 0, arm: 'ours', round: 1 });
    const [books, spam] = one.sources;
    expect([books.source, books.rows, spam.source, spam.rows]).toEqual(['books', 3, 'spam', 2]);
    expect(books.over).toEqual([null, 4 / 6]);
    expect(spam.over).toEqual([2 / 6, null]);
    expect([books.overRest, spam.overRest]).toEqual([4 / 6, 2 / 6]);
    // all: mean 2, squares 1 + 1 + 1 + 1 + 4 = 8 of 5; books: mean 7/3, squares 24/9 of 3; spam: mean 1.5, squares 4.5 of 2
    expect(books.spread).toBeCloseTo(Math.sqrt(24 / 9 / 3 / (8 / 5)), 12);
    expect(spam.spread).toBeCloseTo(Math.sqrt(4.5 / 2 / (8 / 5)), 12);
    expect(one.spread).toBeCloseTo(Math.sqrt((24 / 9 + 4.5) / 8), 12);
  });

  test('agree with all pairs of thousands of rows, many of them tied, in whatever order the file has them', async () => {
    const random = randomStream('separation');
    const scores: Record<string, number[]> = { books: [], speeches: [], shuffled: [] };
    // halves, and −0 beside 0: exact in float32
    for (let i = 0; i < 3_000; i++) scores[['books', 'speeches', 'shuffled'][i % 3]].push(Math.round(4 * random.normal() + (i % 3)) / 2);
    const rows = rowsOf(scores).map((row) => ({ ...row, at: random.uniform() })).sort((a, b) => a.at - b.at);
    const [{ sources, spread }] = await separated([await selectionOf({ arm: 'ours', rows })], ['shuffled']);
    expect(sources.map(({ source }) => source)).toEqual(['shuffled', 'books', 'speeches']); // the wanted one first, equal numbers by name
    const all = Object.values(scores).flat();
    for (const [a, { source, over, overRest, spread: within }] of sources.entries()) {
      for (const [b, { source: other }] of sources.entries()) {
        if (a === b) expect(over[b]).toBeNull();
        else expect(over[b]).toBe(areaOf(scores[source], scores[other]));
      }
      expect(overRest).toBe(areaOf(scores[source], rows.filter((row) => row.source !== source).map(({ score }) => score)));
      expect(within).toBeCloseTo(deviation(scores[source]) / deviation(all), 10);
    }
    const squares = Object.values(scores).reduce((sum, own) => sum + own.length * deviation(own) ** 2, 0);
    expect(spread).toBeCloseTo(Math.sqrt(squares / all.length) / deviation(all), 10);
  });

  test('an arm that sorts by source alone has no spread within sources, one whose scores have nothing to do with the source all of it', async () => {
    const [sorted, blind, flat] = await separated([
      await selectionOf({ arm: 'sorted', rows: rowsOf({ books: [2, 2], spam: [1, 1] }) }),
      await selectionOf({ arm: 'blind', rows: rowsOf({ books: [1, 2], spam: [2, 1] }) }),
      await selectionOf({ arm: 'flat', rows: rowsOf({ books: [1, 1], spam: [1] }) }),
    ]);
    expect(sorted).toMatchObject({ spread: 0, sources: [{ over: [null, 1], spread: 0 }, { over: [0, null], spread: 0 }] });
    expect(blind).toMatchObject({ spread: 1, sources: [{ over: [null, 0.5], spread: 1 }, { over: [0.5, null], spread: 1 }] });
    expect(flat).toMatchObject({ spread: null, sources: [{ over: [null, 0.5], spread: null }, { over: [0.5, null] }] });
  });

  test('of many sources the smallest share a line, the same in every selection; what has no scores, and the warm-up, is not told', async () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`s${i}`, Array.from({ length: 10 - i }, (__, j) => i + j)]));
    const found = await separated([
      await selectionOf({ arm: 'ours', rows: rowsOf(many) }),
      await selectionOf({ arm: 'ours', seed: 1, rows: rowsOf({ s9: [1, 2, 3], s0: [1] }) }),
      await selectionOf({ arm: 'chance', rows: rowsOf(many), scored: false }),
      await selectionOf({ arm: null, rows: rowsOf(many) }),
    ], ['s9']);
    expect(found.map(({ arm, seed }) => [arm, seed])).toEqual([['ours', 0], ['ours', 1]]);
    const names = ['s9', 's0', 's1', 's2', 's3', 's4', 's5', '3 other sources'];
    for (const { sources } of found) expect(sources.map(({ source }) => source)).toEqual(names);
    const [{ sources }, second] = found;
    const others = [...many['s6'], ...many['s7'], ...many['s8']];
    expect(sources[7].rows).toBe(others.length);
    expect(sources[1].over[7]).toBe(areaOf(many['s0'], others));
    // within each of them, not of them as one
    const squares = ['s6', 's7', 's8'].reduce((sum, name) => sum + many[name].length * deviation(many[name]) ** 2, 0);
    expect(sources[7].spread).toBeCloseTo(Math.sqrt(squares / others.length) / deviation(Object.values(many).flat()), 12);
    expect(second.sources[2]).toEqual({ source: 's1', rows: 0, over: names.map(() => null), overRest: null, spread: null });
    expect(existsSync(temporaryFolder)).toBe(false);
  });

  test('each selection is a turn, in which the stage says that it goes on and hears that it is to stop; nothing is left then', async () => {
    const opened = [await selectionOf({ arm: 'ours', rows: rowsOf({ a: [1], b: [2] }) }), await selectionOf({ arm: 'grams', rows: rowsOf({ a: [1], b: [2] }) })];
    const turns: string[] = [];
    const stopped = separations({ opened, targetSources: [], temporaryFolder, turn: async (what) => { if (turns.push(what) === 2) throw new Error('stopped'); } });
    await expect(stopped).rejects.toThrow('stopped');
    expect(turns).toHaveLength(2);
    expect(existsSync(temporaryFolder)).toBe(false);
  });

  test('ten million rows of a source are as exact as ten', () => {
    const counts = new SeparationCounts(sourceLines({ rows: new Map([['a', 1], ['b', 1]]), first: [] }));
    counts.add({ score: -1e30, source: 'b', rows: 1 });
    counts.add({ score: 1, source: 'a', rows: 10_000_001 });
    counts.add({ score: 1, source: 'b', rows: 9_999_999 });
    const [a, b] = counts.result().sources;
    expect([a.rows, b.rows]).toEqual([10_000_001, 10_000_000]);
    // (1 + 9 999 999 / 2) / 10⁷
    expect(a.over[1]).toBe(0.50000005);
    expect(() => counts.add({ score: 0, source: 'a', rows: 1 })).toThrow('comes after');
  });
});
