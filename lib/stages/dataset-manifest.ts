import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { RunConfig } from '../../config/schema.js';
import { sha256File, type Store } from '../artifacts/index.js';
import { packageVersion } from '../package-root.js';
import type { Corpus } from './corpus.js';
import type { RoundRows } from './dataset-rows.js';
import { lineageOf } from './lineage.js';
import type { SelectionDescription } from './selection-facts.js';
import type { FinishedStage } from './types.js';

/** Which of a run's selections it is. */
export interface DatasetOrigin {
  readonly run: string;
  readonly seed: number;
  readonly arm: RunConfig['comparison']['arms'][number];
  readonly selection: RunConfig['selection'];
  /** sha256 of the run's configuration */
  readonly configuration: string;
}

/** A selection, opened. */
export interface DatasetRound extends RoundRows {
  /** `seed-0/bliss/round-1/selection` */
  readonly stage: string;
  readonly facts: SelectionDescription;
}

/** A file of a data set by its name within the folder; rows where it is a table. */
export interface DatasetFile {
  readonly name: string;
  readonly rows?: number;
}

export interface DatasetManifest {
  readonly folder: string;
  readonly store: Store;
  readonly what: 'dataset' | 'scores';
  readonly origin: DatasetOrigin;
  readonly rounds: readonly DatasetRound[];
  readonly corpus: Corpus;
  readonly stages: readonly FinishedStage[];
  readonly files: readonly DatasetFile[];
}

/** `manifest.json` of a data set: what it is, all that it was made by, and the sha256 of each of its files. Nothing of the clock. */
export async function datasetManifest({ folder, store, what, origin, rounds, corpus, stages, files }: DatasetManifest): Promise<Readonly<Record<string, unknown>>> {
  const { run, seed, arm, selection, configuration } = origin;
  const { sequenceLength, sources, tokenizer } = corpus.index;
  const described: unknown[] = [];
  for (const { name, ...rows } of files) {
    const file = path.join(folder, name);
    described.push({ name, bytes: (await stat(file)).size, sha256: await sha256File(file), ...rows });
  }
  return {
    schemaVersion: 1,
    what,
    run,
    seed,
    arm: arm.name,
    selector: arm.selector,
    selection,
    rounds: rounds.map(({ round, stage, artifact: { ref }, facts: { rows, selectedRows, histogram } }) => ({
      round, stage, digest: ref.digest, sha256: ref.sha256, rows, selectedRows, ...(histogram === undefined ? {} : { threshold: histogram.threshold }),
    })),
    configuration: { sha256: configuration },
    corpus: { digest: corpus.artifact.ref.digest, sha256: corpus.artifact.ref.sha256, sequenceLength, sources },
    tokenizer: { sha256: tokenizer.sha256 },
    codeVersion: packageVersion(),
    lineage: await lineageOf({ store, refs: rounds.map(({ artifact }) => artifact.ref), stages }),
    files: described,
  };
}
