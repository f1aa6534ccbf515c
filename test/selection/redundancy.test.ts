import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase, parquetRows, parquetTable, writeParquet } from '../../lib/data/index.js';
import { randomStream } from '../../lib/random.js';
import { gumbelTopK, selectRows, topK, type RankingRule, type Redundancy } from '../../lib/selection/index.js';
import { hashedNgrams } from '../../lib/selection/redundancy.js';
import { temporaryFolder } from '../data/temporary.js';

interface Row { readonly id: string; readonly logit: number; readonly trained: boolean; readonly tokens: readonly number[] }
interface Asked { readonly rows: readonly Row[]; readonly count: number; readonly redundancy: Redundancy & { readonly mostNgrams?: number }; readonly rule?: RankingRule; readonly withoutTrained?: boolean }

async function chosenBy({ rows, count, redundancy, rule = topK(), withoutTrained = false }: Asked): Promise<{ readonly chosen: number[]; readonly read: number }> {
  const folder = await temporaryFolder();
  const temporary = path.join(folder, 'temporary');
  await mkdir(temporary);
  const given = path.join(folder, 'rows.parquet');
  const schema = { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' } } as const;
  await writeParquet({ file: given, schema, rows: rows.map(({ id, logit, trained }, index) => ({ id, index, source: 's', logit, trained })) });
  const database = await openDatabase({ temporaryFolder: path.join(folder, 'spill') });
  let read = 0;
  const tokensOf = async function* (isWanted: (index: number) => boolean): AsyncIterable<{ readonly index: number; readonly tokens: readonly number[] }> {
    for (const [index, { tokens }] of rows.entries()) {
      if (!isWanted(index)) continue;
      read++;
      yield { index, tokens };
    }
  };
  try {
    const file = path.join(folder, 'selected.parquet');
    const { keyed, isSelected, selected } = await selectRows({ database, rows: parquetTable([given]), rule, count, withoutTrained, redundancy: { ...redundancy, tokensOf }, file, temporaryFolder: temporary });
    const chosen: number[] = [];
    for await (const row of parquetRows({ file })) {
      expect(row['rank']).toBe(chosen.length);
      expect(row['id']).toBe(rows[Number(row['index'])].id);
      chosen.push(Number(row['index']));
    }
    expect(selected).toBe(chosen.length);
    const meant = await database.rows(`SELECT index FROM ${keyed} WHERE ${isSelected} ORDER BY index`);
    expect(meant.map(({ index }) => Number(index))).toEqual(chosen.toSorted((a, b) => a - b));
    return { chosen, read };
  } finally {
    await database.close();
  }
}

/** Every row anew at every choice, with the n-grams themselves. */
function byDefinition({ rows, count, redundancy: { weight, ngram }, rule = topK(), withoutTrained = false }: Asked): number[] {
  const deviation = (of: readonly number[]): number => {
    const mean = of.reduce((a, b) => a + b) / of.length;
    return Math.sqrt(of.reduce((sum, one) => sum + (one - mean) ** 2, 0) / of.length);
  };
  const keys = rows.map(({ id, logit }) => rule.key?.({ id, logit, ofAll: Number.NaN }) ?? logit);
  const loss = weight * deviation(keys);
  const ngrams = rows.map(({ tokens }) => new Set(Array.from({ length: Math.max(0, tokens.length - ngram + 1) }, (_, i) => tokens.slice(i, i + ngram).join(' '))));
  const left = new Set(rows.flatMap(({ trained }, i) => (withoutTrained && trained ? [] : [i])));
  const seen = new Set<string>();
  const chosen: number[] = [];
  while (chosen.length < count && left.size > 0) {
    const value = (i: number): number => keys[i] - (ngrams[i].size === 0 ? 0 : loss * ([...ngrams[i]].filter((one) => seen.has(one)).length / ngrams[i].size));
    const best = [...left].reduce((a, b) => (value(b) > value(a) || (value(b) === value(a) && (keys[b] > keys[a] || (keys[b] === keys[a] && rows[b].id < rows[a].id))) ? b : a));
    chosen.push(best);
    left.delete(best);
    ngrams[best].forEach((one) => seen.add(one));
  }
  return chosen;
}

/** Of few words, so that rows have much in common; some logits are equal, and some rows shorter than an n-gram. */
const made = (seed: string, count: number, words = 6): Row[] => {
  const random = randomStream(seed);
  return Array.from({ length: count }, (_, i) => ({ id: `row-${(i * 7) % count}`, logit: Math.fround(Math.round(random.normal() * 8) / 8), trained: random.uniform() < 0.3, tokens: Array.from({ length: random.below(10) }, () => random.below(words)) }));
};

test.each([
  ['a little', 0.3, 2],
  ['as much as scores', 2, 3],
  ['above all', 100, 2],
])('rows are chosen greedily, with what each has in common with those before it: %s', async (_, weight, ngram) => {
  for (const seed of ['a', 'b', 'c']) {
    const rows = made(seed, 120);
    const asked = { rows, count: 40, redundancy: { weight, ngram } };
    const { chosen } = await chosenBy(asked);
    expect(chosen).toEqual(byDefinition(asked));
    expect(chosen).not.toEqual(byDefinition({ ...asked, redundancy: { weight: 0, ngram } }));
  }
});

test('rows that trained the scorer can be left out, and noise counts as the score does', async () => {
  const asked = { rows: made('d', 100), count: 30, redundancy: { weight: 1, ngram: 2 } };
  for (const more of [{ withoutTrained: true }, { rule: gumbelTopK({ temperature: 0.5, seed: 'x' }) }]) expect((await chosenBy({ ...asked, ...more })).chosen).toEqual(byDefinition({ ...asked, ...more }));
});

test('a copy of a chosen row comes after rows that are a little worse and new', async () => {
  const row = (id: string, logit: number, tokens: readonly number[]): Row => ({ id, logit, trained: false, tokens });
  const rows = [row('best', 3, [1, 2, 3, 4]), row('copy', 2.9, [1, 2, 3, 4]), row('new', 2.5, [5, 6, 7, 8]), row('low', 0, [9, 10, 11, 12])];
  expect((await chosenBy({ rows, count: 2, redundancy: { weight: 1, ngram: 2 } })).chosen).toEqual([0, 2]);
  expect((await chosenBy({ rows, count: 2, redundancy: { weight: 0.1, ngram: 2 } })).chosen).toEqual([0, 1]);
});

test('only rows are read that can be among the chosen ones, and more than fit in memory are refused with the field', async () => {
  const rows = made('e', 200, 50);
  const { chosen, read } = await chosenBy({ rows, count: 10, redundancy: { weight: 0.25, ngram: 2 } });
  expect(chosen).toHaveLength(10);
  expect(read).toBeLessThan(60);
  expect(read).toBeGreaterThanOrEqual(10);
  await expect(chosenBy({ rows, count: 10, redundancy: { weight: 0.25, ngram: 2, mostNgrams: 20 } })).rejects.toThrow(/rows may be among the 10 chosen ones, and their n-grams do not fit in memory \(20 are the most\)/);
  expect((await chosenBy({ rows: rows.slice(0, 5), count: 10, redundancy: { weight: 1, ngram: 2 } })).chosen).toHaveLength(5);
});

test('n-grams count once a row, and their order of tokens counts', () => {
  expect(hashedNgrams([1, 2, 1, 2, 1, 2], 2)).toHaveLength(2);
  expect(hashedNgrams([1, 2], 3)).toHaveLength(0);
  expect(hashedNgrams([1, 2], 2)).not.toEqual(hashedNgrams([2, 1], 2));
  expect(hashedNgrams([0, 0, 5], 3)).not.toEqual(hashedNgrams([0, 5], 2));
});
