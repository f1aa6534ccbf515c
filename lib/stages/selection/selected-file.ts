import path from 'node:path';
import type { ParquetTarget } from '../../data/index.js';

/** `selected.parquet`: what was selected, best first; `index` is the row's place in its group. */
export const selectedFile = (folder: string): ParquetTarget => ({
  file: path.join(folder, 'selected.parquet'),
  schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, rank: { type: 'INT32' }, score: { type: 'FLOAT', optional: true } },
});
