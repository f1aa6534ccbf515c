import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase, parquetTable, sqlText, writeParquet } from '../../lib/data/index.js';
import { temporaryFolder } from './temporary.js';

test('a disk that is full is said as such; other faults are DuckDB’s own', async () => {
  const database = await openDatabase({ temporaryFolder: path.join(await temporaryFolder(), 'spill') });
  try {
    // a device of Linux that answers every write with ENOSPC
    await expect(database.run("COPY (FROM range(100_000)) TO '/dev/full' (FORMAT parquet, USE_TMP_FILE false)")).rejects.toMatchObject({ code: 'DiskFull' });
    await expect(database.run('SELECT nothing')).rejects.toThrow(/nothing/);
    await expect(database.run('SELECT nothing')).rejects.not.toMatchObject({ code: 'DiskFull' });
  } finally {
    await database.close();
  }
});

test('a file’s path means itself, whatever quotes and globs are in it', async () => {
  const folder = await temporaryFolder();
  const database = await openDatabase({ temporaryFolder: path.join(folder, 'spill') });
  try {
    const files: string[] = [];
    for (const [n, name] of ["it's [1]*?", "it's 12", 'a', 'a #1 [x]%41'].entries()) {
      await mkdir(path.join(folder, name));
      files.push(path.join(folder, name, 'rows.parquet'));
      await writeParquet({ file: files[n], schema: { n: { type: 'INT32' } }, rows: [{ n }] });
    }
    expect(await database.rows(`SELECT n FROM ${parquetTable([files[0]])}`)).toEqual([{ n: 0 }]);
    expect(await database.rows(`SELECT n FROM ${parquetTable([files[2], files[0]])}`)).toEqual([{ n: 2 }, { n: 0 }]);
    for (const [n, file] of files.entries()) {
      const written = path.join(path.dirname(file), 'written.parquet');
      await database.run(`COPY (SELECT n FROM ${parquetTable([file])}) TO ${sqlText(written)} (FORMAT parquet)`);
      expect(await database.rows(`SELECT n, file_row_number::INTEGER AS row FROM ${parquetTable([written], { numbered: true })}`)).toEqual([{ n, row: 0 }]);
    }
  } finally {
    await database.close();
  }
});
