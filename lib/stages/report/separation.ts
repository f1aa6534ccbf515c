import { openDatabase, parquetTable } from '../../data/index.js';
import type { SourceSeparation } from '../../report/index.js';
import { SCORES_FILE } from '../contents/index.js';
import type { OpenedStage } from './opened-stage.js';
import { SeparationCounts, sourceLines } from './separation-counts.js';

export interface Separations {
  readonly opened: readonly OpenedStage[];
  /** the held-out text's: they stand first */
  readonly targetSources: readonly string[];
  /** for what does not fit into memory; made and removed here */
  readonly temporaryFolder: string;
  /** before each selection: ten million rows take seconds. What it throws ends the work */
  readonly turn?: (what: string) => Promise<void>;
}

/** How well the scores of each arm, round and seed tell sources apart, in the same lines for all: out of `scores.parquet` of the selections, which say of each row its source. */
export async function separations({ opened, targetSources, temporaryFolder, turn }: Separations): Promise<readonly SourceSeparation[]> {
  const scored = opened.filter(({ stage, artifacts }) => stage.name === 'selection' && stage.arm !== null && artifacts[0].manifest.files.some(({ name }) => name === SCORES_FILE));
  if (scored.length === 0) return [];
  const database = await openDatabase({ temporaryFolder });
  try {
    const rows = new Map<string, number>();
    for (const { artifacts } of scored) {
      const table = parquetTable([await artifacts[0].file(SCORES_FILE)]);
      for (const { source, n } of await database.rows(`SELECT source, count(*) AS n FROM ${table} GROUP BY source`)) rows.set(String(source), (rows.get(String(source)) ?? 0) + Number(n));
    }
    const lines = sourceLines({ rows, first: targetSources });
    const found: SourceSeparation[] = [];
    for (const { stage: { seed, arm, round }, artifacts } of scored) {
      if (seed === null || arm === null || round === null) continue;
      await turn?.('comparing the scores of sources');
      const counts = new SeparationCounts(lines);
      const table = parquetTable([await artifacts[0].file(SCORES_FILE)]);
      for await (const [scores, sources, numbers] of database.columns(`SELECT logit, source, count(*)::DOUBLE FROM ${table} GROUP BY logit, source ORDER BY logit, source`)) {
        for (let i = 0; i < scores.length; i++) counts.add({ score: Number(scores[i]), source: String(sources[i]), rows: Number(numbers[i]) });
      }
      found.push({ seed, arm, round, ...counts.result() });
    }
    return found;
  } finally {
    await database.close();
  }
}
