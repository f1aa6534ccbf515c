import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase, parquetTable, writeParquet } from '../../../lib/data/index.js';
import { randomStream } from '../../../lib/random.js';
import { selectRows, topK, randomRule } from '../../../lib/selection/index.js';
import { describeSelection, pickSamples, type SampleRows } from '../../../lib/stages/selection/selection-facts.js';
import { temporaryFolder } from '../../data/temporary.js';

interface Row {
  readonly id: string;
  readonly index: number;
  readonly source: string;
  readonly logit: number;
  readonly trained: boolean;
}

const random = randomStream('facts');
// ids in another order than rows, and many equal logits
const all: readonly Row[] = Array.from({ length: 1_500 }, (_, index) => ({
  id: `row ${(index * 7) % 1_500}`,
  index,
  source: ['email', 'books', 'spam'][random.below(3)],
  logit: Math.fround(Math.round(random.normal() * 20) / 20),
  trained: random.below(3) === 0,
}));

async function factsOf({ rows, scored, count, withoutTrained = false }: { readonly rows: readonly Row[]; readonly scored: boolean; readonly count: number; readonly withoutTrained?: boolean }) {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'temporary'));
  const source = path.join(folder, 'rows.parquet');
  await writeParquet({
    file: source,
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT', optional: true }, trained: { type: 'BOOLEAN' } },
    rows: rows.map((row) => ({ ...row, logit: scored ? row.logit : null })),
  });
  const database = await openDatabase({ temporaryFolder: path.join(folder, 'spill') });
  try {
    const file = path.join(folder, 'selected.parquet');
    const selection = await selectRows({ database, rows: parquetTable([source]), rule: scored ? topK() : randomRule({ seed: 's' }), count, withoutTrained, file, temporaryFolder: path.join(folder, 'temporary') });
    const ranked = (await database.rows(`SELECT index FROM ${parquetTable([file])} ORDER BY rank`)).map(({ index }) => Number(index));
    const of = { database, selection, file, hasScores: scored };
    return { ranked, described: await describeSelection(of), samples: await pickSamples(of) };
  } finally {
    await database.close();
  }
}

const rowsAt = (indices: readonly number[], ranked: readonly number[], scored: boolean): SampleRows =>
  Object.fromEntries(indices.map((index) => [index, { id: all[index].id, source: all[index].source, selected: ranked.includes(index), trained: all[index].trained, ...(scored ? { logit: all[index].logit } : {}) }]));

test.each([false, true])('counts, histogram and samples of a selection are those of a pass over all rows; trained rows left out: %s', async (withoutTrained) => {
  const { ranked, described, samples } = await factsOf({ rows: all, scored: true, count: 300, withoutTrained });
  const best = all.filter(({ trained }) => !(withoutTrained && trained)).sort((a, b) => b.logit - a.logit || (a.id < b.id ? -1 : 1)).slice(0, 300);
  expect(ranked).toEqual(best.map(({ index }) => index));
  const count = (of: (row: Row) => boolean, rows = best): number => rows.filter(of).length;
  expect(described.rows).toBe(1_500);
  expect(described.selectedRows).toBe(300);
  expect(described.sources).toEqual(
    ['books', 'email', 'spam'].map((source) => ({
      source,
      rows: count((row) => row.source === source, [...all]),
      selectedRows: count((row) => row.source === source),
      selectedTrained: count((row) => row.source === source && row.trained),
      selectedUntrained: count((row) => row.source === source && !row.trained),
    })),
  );
  const low = Math.min(...all.map(({ logit }) => logit));
  const width = (Math.max(...all.map(({ logit }) => logit)) - low) / 40;
  expect(described.histogram?.edges).toEqual(Array.from({ length: 41 }, (_, i) => low + i * width));
  expect(described.histogram?.counts).toEqual(['books', 'email', 'spam'].map((source) => ({ source, counts: Array.from({ length: 40 }, (_, bin) => count((row) => row.source === source && Math.min(39, Math.floor((row.logit - low) / width)) === bin, [...all])) })));
  expect(described.histogram?.threshold).toBe(best[299].logit);

  const others = all.filter(({ index }) => !ranked.includes(index)).sort((a, b) => b.logit - a.logit || a.index - b.index).map(({ index }) => index);
  const places = { top: ranked.slice(0, 4), border: [...ranked.slice(-2), ...others.slice(0, 2)], bottom: others.slice(-4) };
  expect(samples.places).toEqual(places);
  expect(samples.rows).toEqual(rowsAt([...places.top, ...places.border, ...places.bottom], ranked, true));
});

test('without scores there is no histogram, and samples of what was not drawn are by place', async () => {
  const { ranked, described, samples } = await factsOf({ rows: all, scored: false, count: 500 });
  expect(described.histogram).toBeUndefined();
  expect(described.sources.reduce((sum, { selectedRows }) => sum + selectedRows, 0)).toBe(500);
  const others = all.map(({ index }) => index).filter((index) => !ranked.includes(index));
  const places = { top: ranked.slice(0, 4), border: [...ranked.slice(-2), ...others.slice(0, 2)], bottom: others.slice(-4) };
  expect(samples.places).toEqual(places);
  expect(samples.rows).toEqual(rowsAt([...places.top, ...places.border, ...places.bottom], ranked, false));
});

test('one logit for all, and all rows selected', async () => {
  const rows = all.slice(0, 10).map((row) => ({ ...row, logit: 0.25 }));
  const { ranked, described, samples } = await factsOf({ rows, scored: true, count: 10 });
  expect(ranked).toEqual([...rows].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ index }) => index));
  expect(described.histogram?.threshold).toBe(0.25);
  expect(described.histogram?.counts.reduce((sum, { counts }) => sum + counts[0], 0)).toBe(10);
  expect(samples.places).toEqual({ top: ranked.slice(0, 4), border: ranked.slice(-2), bottom: [] });
});
