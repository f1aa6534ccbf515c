import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { PackedRow } from '../../lib/data/index.js';
import { ExternalShuffle } from '../../lib/data/shuffle.js';
import { collect, temporaryFolder } from './temporary.js';

const rows: PackedRow[] = Array.from({ length: 3_000 }, (_, i) => ({ id: `s:${String(i).padStart(9, '0')}`, source: i % 3 === 0 ? 'a' : 'ß', tokens: Int32Array.of(i, 2 ** 31 - 1, -i), documents: Array.from(Array(i % 3).keys(), (d) => `ä"${i}/${d}`) }));

async function shuffled(params: { seed?: string; memoryBytes?: number; input?: readonly PackedRow[] }): Promise<PackedRow[]> {
  const { seed = '0', memoryBytes, input = rows } = params;
  const folder = path.join(await temporaryFolder(), 'spill');
  const shuffle = new ExternalShuffle({ folder, seed, ...(memoryBytes === undefined ? {} : { memoryBytes }) });
  for (const row of input) await shuffle.add(row);
  const result = await collect(shuffle.rowsInOrder());
  await shuffle.remove();
  expect(existsSync(folder)).toBe(false);
  return result;
}

test('keeps every row whole, once', async () => {
  const result = await shuffled({});
  expect([...result].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(rows);
});

test('the order is one of seed and ids: neither memory nor order of arrival change it', async () => {
  const order = (await shuffled({})).map(({ id }) => id);
  expect((await shuffled({ memoryBytes: 2_000 })).map(({ id }) => id)).toEqual(order);
  expect((await shuffled({ input: [...rows].reverse() })).map(({ id }) => id)).toEqual(order);
  expect((await shuffled({ seed: '1' })).map(({ id }) => id)).not.toEqual(order);
});

test('rows alike in the first 32 bits of their hash stand by the next 32, and not by id', async () => {
  // the words of hash('0/' + id): both begin with fdc3d3b4, then e48d5f9e and d15547f6; both with 11226754, then ac97ac93 and 61ab2077
  const alike = [['s:343356830', 's:949774104'], ['s:434728889', 's:699197097']];
  for (const [later, first] of alike) {
    const input = [later, first].map((id): PackedRow => ({ id, source: 's', tokens: Int32Array.of(1), documents: [] }));
    expect((await shuffled({ input })).map(({ id }) => id)).toEqual([first, later]);
  }
});

test('places are uniform and pairs of seeds unrelated', async () => {
  const place = (result: PackedRow[]): Map<string, number> => new Map(result.map(({ id }, i) => [id, i / result.length]));
  const [a, b] = [place(await shuffled({ seed: 'a' })), place(await shuffled({ seed: 'b' }))];
  const correlation = (x: number[], y: number[]): number => (12 * x.reduce((sum, v, i) => sum + (v - 0.5) * (y[i] - 0.5), 0)) / x.length;
  const [pa, pb] = [rows.map(({ id }) => a.get(id) ?? NaN), rows.map(({ id }) => b.get(id) ?? NaN)];
  const stored = rows.map((_, i) => i / rows.length);
  // standard error 1/√3000 = 0.018
  for (const [x, y] of [[pa, stored], [pb, stored], [pa, pb], [pa.slice(1), pa.slice(0, -1)]]) expect(Math.abs(correlation(x, y))).toBeLessThan(0.08);
});

test('no rows, no order', async () => {
  expect(await shuffled({ input: [] })).toEqual([]);
});

test('a full disk is said to be one', async () => {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'root'));
  for (let bucket = 0; bucket < 16; bucket++) await symlink('/dev/full', path.join(folder, 'root', String(bucket)));
  const shuffle = new ExternalShuffle({ folder, seed: '0' });
  const fill = async (): Promise<void> => {
    for (const row of rows) await shuffle.add(row);
    await collect(shuffle.rowsInOrder());
  };
  await expect(fill()).rejects.toMatchObject({ code: 'DiskFull' });
  await shuffle.remove();
});
