import type { Artifact } from '../../artifacts/types.js';
import { DOCUMENTS_COLUMN, openDataset, parquetRows, type ParquetRow, type ParquetSchema, type Tokenizer } from '../../data/index.js';
import { BlissError } from '../../errors.js';
import { readJson, SCORES_FILE, type SelectionIndex } from '../contents/index.js';

/** The rows of one round's selection, as an exported data set has them. */
export interface RoundRows {
  readonly round: number;
  /** of a selection */
  readonly artifact: Artifact;
}

/** `score` is what the rows were ranked by, null where chance drew them; rank 0 is the best of its round; `documents` are empty where the corpus is of a version that did not keep them */
export const CHOSEN_SCHEMA: ParquetSchema = { id: { type: 'UTF8' }, source: { type: 'UTF8' }, text: { type: 'UTF8' }, score: { type: 'FLOAT', optional: true }, rank: { type: 'INT32' }, round: { type: 'INT32' }, [DOCUMENTS_COLUMN]: { type: 'UTF8', repeated: true } };
/** rank is null where a row was not chosen */
export const SCORED_SCHEMA: ParquetSchema = { id: { type: 'UTF8' }, source: { type: 'UTF8' }, score: { type: 'FLOAT' }, trained: { type: 'BOOLEAN' }, selected: { type: 'BOOLEAN' }, rank: { type: 'INT32', optional: true }, round: { type: 'INT32' } };

/** The chosen rows with their text, in the order of their group: what is in memory is a row group, and rank and score of every row of the group. */
export async function* chosenRows({ round, artifact, tokenizer }: RoundRows & { readonly tokenizer: Pick<Tokenizer, 'decode'> }): AsyncIterable<ParquetRow> {
  const { rank, score, chosen } = await readRanks(artifact);
  const { dataset } = await readJson<SelectionIndex>(artifact, 'selection.json');
  const rows = await openDataset(artifact, dataset, { documents: true });
  if (rows.rows !== chosen) throw misfit(artifact, `it ranks ${chosen} rows, its shards have ${rows.rows}`);
  let index = -1;
  for await (const { id, source, tokens, documents = [] } of rows.read(0, rows.rows)) {
    // the shards hold the chosen rows by index, one after the other
    do index++;
    while (rank[index] === NOT_CHOSEN);
    yield { id, source, text: tokenizer.decode(tokens), score: Number.isNaN(score[index]) ? null : score[index], rank: rank[index], round, documents };
  }
}

/** Every row of the group with its score, in the order of the group. @throws BlissError ArtifactMissing where nothing was scored */
export async function* scoredRows({ round, artifact }: RoundRows): AsyncIterable<ParquetRow> {
  const ranked = await readRanks(artifact);
  for await (const row of parquetRows({ file: await artifact.file(SCORES_FILE), columns: ['id', 'index', 'source', 'logit', 'trained'] })) {
    const rank = ranked.rank[Number(row['index'])];
    yield { id: String(row['id']), source: String(row['source']), score: Number(row['logit']), trained: row['trained'] === true, selected: rank !== NOT_CHOSEN, rank: rank === NOT_CHOSEN ? null : rank, round };
  }
}

const NOT_CHOSEN = -1;

interface Ranks {
  /** int32 [rows of the group], by index */
  readonly rank: Int32Array;
  /** float32 [rows of the group], by index; NaN where it has none */
  readonly score: Float32Array;
  readonly chosen: number;
}

async function readRanks(artifact: Artifact): Promise<Ranks> {
  const rows = Number(artifact.manifest.summary['rows']);
  const rank = new Int32Array(rows).fill(NOT_CHOSEN);
  const score = new Float32Array(rows).fill(Number.NaN);
  let chosen = 0;
  for await (const row of parquetRows({ file: await artifact.file('selected.parquet'), columns: ['index', 'rank', 'score'] })) {
    const index = Number(row['index']);
    if (rank[index] !== NOT_CHOSEN) throw misfit(artifact, `it names row ${index} twice, or a row that its group of ${rows} has not`);
    rank[index] = Number(row['rank']);
    if (typeof row['score'] === 'number') score[index] = row['score'];
    chosen++;
  }
  return { rank, score, chosen };
}

const misfit = ({ ref }: Artifact, message: string): BlissError =>
  new BlissError({ code: 'DataCorrupt', where: `${ref.uri}: selected.parquet`, message, fix: 'run the stage that wrote it again with --fresh' });
