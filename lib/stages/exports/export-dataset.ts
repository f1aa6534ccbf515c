import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunConfig } from '../../../config/schema.js';
import { writeFolderAtomic, type Store } from '../../artifacts/index.js';
import type { Ref } from '../../artifacts/types.js';
import { loadTokenizer, writeParquetShards, type ParquetRow, type Tokenizer } from '../../data/index.js';
import { BlissError } from '../../errors.js';
import { packageVersion } from '../../package-root.js';
import { type Corpus, openCorpus, readJson, SCORES_FILE } from '../contents/index.js';
import { datasetCard, type CardTable } from './dataset-card.js';
import { CHOSEN_SCHEMA, chosenRows, SCORED_SCHEMA, scoredRows, type RoundRows } from './dataset-rows.js';
import { writeExportManifest, type ExportedFile } from './export-manifest.js';
import { endIfStopped } from './export-stopped.js';
import { howSelected } from './how-selected.js';
import type { SelectionDescription } from '../selection/index.js';
import type { FinishedStage } from '../types.js';

export interface ExportDataset {
  readonly store: Store;
  /** dataset: the chosen rows, and beside them the scores of all rows where there are any; scores: those alone */
  readonly what: 'dataset' | 'scores';
  /** one a round; their rows come one after the other */
  readonly selections: readonly { readonly round: number; readonly stage: string; readonly ref: Ref }[];
  /** that the rows are of, whose tokenizer makes text of them */
  readonly corpus: Ref;
  /** folder to write, which must not be there; its parents are made */
  readonly to: string;
  readonly origin: DatasetOrigin;
  /** all that the run has finished: the lineage is found among them */
  readonly stages: readonly FinishedStage[];
  /** bytes before compression that one file holds at most. @default 5e8 */
  readonly shardBytes?: number;
  /** ends it between two rows */
  readonly stop?: AbortSignal;
}

/** Which of a run's selections they are. */
export interface DatasetOrigin {
  readonly run: string;
  readonly seed: number;
  readonly arm: RunConfig['comparison']['arms'][number];
  readonly selection: RunConfig['selection'];
  /** sha256 of the run's configuration */
  readonly configuration: string;
}

/** Rows of each table. */
export interface ExportedDataset {
  /** absent where scores alone were asked for */
  readonly rows?: number;
  /** absent where there are none */
  readonly scores?: number;
}

/** as Hugging Face has it by default; about half of it on the disk */
const SHARD_BYTES = 5e8;
/** of one row group before compression: while it is written it is in memory, more than once */
const ROW_GROUP_BYTES = 3.2e7;
const MOST_ROWS_PER_GROUP = 10_000;
/** of English text */
const BYTES_PER_TOKEN = 4;

/**
 * Selections as a folder that Hugging Face's `datasets` and DuckDB open: `data/train-….parquet`, `scores/part-….parquet`, `README.md` (a dataset card),
 * `manifest.json` (lineage, and sha256 of each file). There whole or not at all; a second time it has the same bytes.
 * @throws BlissError Usage where `to` is there, or scores are asked for and there are none; ArtifactMissing, DataCorrupt; DiskFull; Stopped
 */
export async function exportDataset({ to, ...asked }: ExportDataset): Promise<ExportedDataset> {
  return writeFolderAtomic({ to, write: (folder) => writeDataset({ folder, ...asked }) });
}

async function writeDataset({ folder, store, what, selections, corpus: corpusRef, origin, stages, shardBytes = SHARD_BYTES, stop }: Omit<ExportDataset, 'to'> & { readonly folder: string }): Promise<ExportedDataset> {
  const rounds: DatasetRound[] = [];
  for (const { round, stage, ref } of selections) {
    const artifact = await store.open(ref);
    rounds.push({ round, stage, artifact, facts: await readJson<SelectionDescription>(artifact, 'facts.json') });
  }
  const { arm, run, seed, selection } = origin;
  const isScored = rounds.every(({ artifact }) => artifact.manifest.files.some(({ name }) => name === SCORES_FILE));
  if (what === 'scores' && !isScored) throw new BlissError({ code: 'Usage', message: `the arm ${arm.name} has no scores: its selector is ${arm.selector}`, where: '--arm', fix: 'name an arm that scores rows, or export the rows it drew: --what dataset' });

  const corpus = await openCorpus(store, corpusRef);
  const { sequenceLength } = corpus.index;
  const tokenizer = await loadTokenizer(await corpus.artifact.file(corpus.index.tokenizer.file));
  const written: { readonly table: CardTable; readonly files: readonly ExportedFile[] }[] = [];
  if (what === 'dataset') written.push(await writeTable({ ...chosenTable(sequenceLength, tokenizer), folder, rounds, shardBytes, stop }));
  if (isScored) written.push(await writeTable({ ...SCORES, folder, rounds, shardBytes, stop }));

  const tables = written.map(({ table }) => table);
  const card = datasetCard({
    run,
    seed,
    arm: arm.name,
    how: howSelected(arm.selector, selection),
    rounds: rounds.map(({ round, facts }) => ({ ...facts, round })),
    tables,
    sequenceLength,
    endOfText: tokenizer.decode([tokenizer.endOfText]),
    codeVersion: packageVersion(),
  });
  await writeFile(path.join(folder, 'README.md'), card);
  const files = [{ name: 'README.md' }, ...written.flatMap((one) => one.files)];
  await writeExportManifest({ folder, store, what, of: described({ origin, rounds, corpus }), from: selections.map(({ ref }) => ref), stages, files });
  const rowsOf = (name: CardTable['name']): number | undefined => tables.find((table) => table.name === name)?.rows;
  const [rows, scores] = [rowsOf('default'), rowsOf('scores')];
  return { ...(rows === undefined ? {} : { rows }), ...(scores === undefined ? {} : { scores }) };
}

/** A selection, opened. */
interface DatasetRound extends RoundRows {
  /** `seed-0/bliss/round-1/selection` */
  readonly stage: string;
  readonly facts: SelectionDescription;
}

/** What the manifest says they are of. */
function described({ origin: { run, seed, arm, selection, configuration }, rounds, corpus: { artifact, index } }: { readonly origin: DatasetOrigin; readonly rounds: readonly DatasetRound[]; readonly corpus: Corpus }): Readonly<Record<string, unknown>> {
  return {
    run,
    seed,
    arm: arm.name,
    selector: arm.selector,
    selection,
    rounds: rounds.map(({ round, stage, artifact: { ref }, facts: { rows, selectedRows, histogram } }) => ({
      round, stage, digest: ref.digest, sha256: ref.sha256, rows, selectedRows, ...(histogram === undefined ? {} : { threshold: histogram.threshold }),
    })),
    configuration: { sha256: configuration },
    corpus: { digest: artifact.ref.digest, sha256: artifact.ref.sha256, sequenceLength: index.sequenceLength, sources: index.sources },
    tokenizer: { sha256: index.tokenizer.sha256 },
  };
}

/** A table before it is written: where it goes, and the rows of one round. */
interface TableKind extends Pick<CardTable, 'name' | 'schema'> {
  readonly within: string;
  readonly prefix: string;
  readonly rowGroupRows: number;
  readonly rowsOf: (round: RoundRows) => AsyncIterable<ParquetRow>;
}

const chosenTable = (sequenceLength: number, tokenizer: Tokenizer): TableKind => ({
  name: 'default',
  within: 'data',
  prefix: 'train',
  schema: CHOSEN_SCHEMA,
  rowGroupRows: Math.max(1, Math.min(MOST_ROWS_PER_GROUP, Math.floor(ROW_GROUP_BYTES / (BYTES_PER_TOKEN * sequenceLength)))),
  rowsOf: (round) => chosenRows({ ...round, tokenizer }),
});

const SCORES: TableKind = { name: 'scores', within: 'scores', prefix: 'part', schema: SCORED_SCHEMA, rowGroupRows: MOST_ROWS_PER_GROUP, rowsOf: scoredRows };

interface WriteTable extends TableKind {
  readonly folder: string;
  readonly rounds: readonly DatasetRound[];
  readonly shardBytes: number;
  readonly stop: AbortSignal | undefined;
}

async function writeTable({ name, schema, within, prefix, rowGroupRows, rowsOf, folder, rounds, shardBytes, stop }: WriteTable): Promise<{ readonly table: CardTable; readonly files: readonly ExportedFile[] }> {
  const rows = async function* (): AsyncIterable<ParquetRow> {
    for (const round of rounds) {
      for await (const row of rowsOf(round)) {
        endIfStopped(stop);
        yield row;
      }
    }
  };
  const shards = await writeParquetShards({ folder: path.join(folder, within), prefix, schema, rows: rows(), shardBytes, rowGroupRows });
  return {
    table: { name, schema, files: `${within}/${prefix}-*.parquet`, rows: shards.reduce((sum, shard) => sum + shard.rows, 0) },
    files: shards.map((shard) => ({ name: `${within}/${shard.file}`, rows: shard.rows })),
  };
}
