import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { openDatabase, parquetTable, sqlText, type Database } from '../../lib/data/index.js';
import { selectRows, topK } from '../../lib/selection/index.js';
import type { Subject, SubjectInput } from './subject.js';

export interface ScaleSelectionSpec {
  /** ours: as the selection stage chooses; plain: one sort in one statement, as one would write it */
  readonly way: 'ours' | 'plain';
  /** of DuckDB's own. @default that of the selection stage */
  readonly memoryBytes?: number;
  /** Parquet file with columns id, index, source, logit, trained */
  readonly scores: string;
  readonly count: number;
}

/** A step chooses the `count` largest logits, ties by id, and writes them by rank. */
export async function scaleSelectionSubject({ folder, spec }: SubjectInput<ScaleSelectionSpec>): Promise<Subject> {
  const { way, scores, count, memoryBytes } = spec;
  const rows = parquetTable([scores]);
  const choose = async (database: Database, out: string, file: string): Promise<void> => {
    if (way === 'ours') {
      await selectRows({ database, rows, rule: topK(), count, file, temporaryFolder: out });
      return;
    }
    const ordered = `SELECT id, index, source, logit FROM ${rows} ORDER BY logit DESC, id LIMIT ${count}`;
    await database.run(`COPY (SELECT id, index, source, (row_number() OVER () - 1)::INTEGER AS rank, logit FROM (${ordered})) TO ${sqlText(file)} (FORMAT parquet)`);
  };
  return {
    step: async () => {
      const out = path.join(folder, `selecting-${process.pid}`);
      mkdirSync(out);
      const file = path.join(out, 'selected.parquet');
      const database = await openDatabase({ temporaryFolder: path.join(out, 'spill'), ...(memoryBytes === undefined ? {} : { memoryBytes }) });
      try {
        const started = performance.now();
        await choose(database, out, file);
        return { seconds: (performance.now() - started) / 1000 };
      } finally {
        await database.close();
        rmSync(out, { recursive: true });
      }
    },
  };
}
