import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openParquet } from '../../lib/data/index.js';
import { holds, inFixtures, lacks, readJson } from './folder.js';

interface Fixture {
  readonly rowGroups: number[];
  readonly data: Record<string, unknown>[];
}

const names = holds('parquet') ? readdirSync(inFixtures('parquet')).filter((file) => file.endsWith('.json')) : [];
if (names.length === 0) lacks('Parquet files of pyarrow');

test.each(names)('%s, written by pyarrow, reads as written', async (name) => {
  const expected = readJson<Fixture>(inFixtures('parquet', name));
  const parquet = await openParquet(inFixtures('parquet', name.replace(/json$/, 'parquet')));
  expect(parquet.rowGroups).toEqual(expected.rowGroups);
  const rows = [];
  for (let group = 0; group < parquet.rowGroups.length; group++) rows.push(...(await parquet.readRowGroup(group)));
  await parquet.close();
  expect(JSON.parse(JSON.stringify(rows, plain))).toEqual(JSON.parse(JSON.stringify(expected.data, plain)));
});

/** bigints as numbers, typed arrays as lists, undefined as null */
function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array);
  return value === undefined ? null : value;
}
