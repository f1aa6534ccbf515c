import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openDatabase, parquetRows, parquetTable, sqlText, writeParquet } from '../../lib/data/index.js';
import { selectRows } from '../../lib/selection/index.js';
import { temporaryFolder } from '../data/temporary.js';
import type { Select } from './in-memory.js';

/**
 * selectRows on a file of the candidates. Its condition for a selected row is checked to hold for those rows alone, and the rows of
 * the file to be the candidates'. @returns indices of the chosen rows, best first
 */
export async function selectInFiles({ rule, candidates: { ids, logits, excluded }, count }: Select): Promise<number[]> {
  const folder = await temporaryFolder();
  const temporary = path.join(folder, 'temporary');
  await mkdir(temporary);
  // as JSON, since a Parquet file of ours keeps no −0 and DuckDB's of missing logits is what is tried
  const given = path.join(folder, 'rows.json');
  const number = (value: number | undefined): string | null => (value === undefined ? null : Object.is(value, -0) ? '-0' : String(value));
  await writeFile(given, ids.map((id, i) => JSON.stringify({ id, index: i, source: `source ${i % 3}`, logit: number(logits?.[i]), trained: excluded?.[i] === 1 })).join('\n'));
  const database = await openDatabase({ temporaryFolder: path.join(folder, 'spill') });
  try {
    const rows = path.join(folder, 'rows.parquet');
    const columns = "{id: 'VARCHAR', index: 'INTEGER', source: 'VARCHAR', logit: 'FLOAT', trained: 'BOOLEAN'}";
    if (ids.length === 0) await writeParquet({ file: rows, schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, logit: { type: 'FLOAT', optional: true }, trained: { type: 'BOOLEAN' } }, rows: [] });
    else await database.run(`COPY (SELECT * FROM read_json(${sqlText(given)}, format = 'newline_delimited', columns = ${columns})) TO ${sqlText(rows)} (FORMAT parquet)`);
    const file = path.join(folder, 'selected.parquet');
    const result = await selectRows({ database, rows: parquetTable([rows]), rule, count, withoutTrained: excluded !== undefined, file, temporaryFolder: temporary });
    const chosen: number[] = [];
    for await (const row of parquetRows({ file })) {
      const index = Number(row['index']);
      const score = row['score'] === null ? undefined : Number(row['score']);
      if (row['rank'] !== chosen.length || row['id'] !== ids[index] || row['source'] !== `source ${index % 3}` || score !== logits?.[index]) throw new Error(`row ${chosen.length} of the file is ${JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`);
      chosen.push(index);
    }
    const meant = await database.rows(`SELECT index FROM ${result.keyed} WHERE ${result.isSelected} ORDER BY index`);
    if (JSON.stringify(meant.map(({ index }) => Number(index))) !== JSON.stringify([...chosen].sort((a, b) => a - b))) throw new Error(`the condition is true for ${meant.length} rows, ${chosen.length} are chosen`);
    if (result.rows !== ids.length || result.selected !== chosen.length) throw new Error(`${result.selected} of ${result.rows} rows were said`);
    return chosen;
  } finally {
    await database.close();
  }
}
