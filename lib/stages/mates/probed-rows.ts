import path from 'node:path';
import { writeParquet } from '../../data/index.js';
import type { Artifact } from '../../artifacts/types.js';
import { type CheckpointFiles, readJson } from '../contents/index.js';

/** What probes have found so far. */
export interface ProbedRows {
  /** validation loss of the state itself, nats a token */
  readonly before: number;
  /** in the order in which they were probed */
  readonly probes: readonly ProbedRow[];
}

export interface ProbedRow {
  readonly id: string;
  /** in its group */
  readonly index: number;
  readonly source: string;
  /** validation loss before minus after one step on the row, nats a token: the larger, the better the row */
  readonly influence: number;
}

const CHECKPOINT_FILE = 'probes.json';
/** file of the stage's result: columns id, index, source, influence, heldOut, prediction */
const PROBES_FILE = 'probes.parquet';

export const probedFiles = (found: ProbedRows): CheckpointFiles => ({ [CHECKPOINT_FILE]: JSON.stringify(found) });

export const readProbed = (checkpoint: Artifact): Promise<ProbedRows> => readJson<ProbedRows>(checkpoint, CHECKPOINT_FILE);

/** @param predictions by row index, of the rows that were held out; in deviations above the mean */
export async function writeProbed({ folder, probes, predictions }: { readonly folder: string; readonly probes: readonly ProbedRow[]; readonly predictions: ReadonlyMap<number, number> }): Promise<void> {
  await writeParquet({
    file: path.join(folder, PROBES_FILE),
    schema: { id: { type: 'UTF8' }, index: { type: 'INT32' }, source: { type: 'UTF8' }, influence: { type: 'DOUBLE' }, heldOut: { type: 'BOOLEAN' }, prediction: { type: 'FLOAT', optional: true } },
    rows: probes.toSorted((a, b) => a.index - b.index).map((probe) => ({ ...probe, heldOut: predictions.has(probe.index), prediction: predictions.get(probe.index) ?? null })),
  });
}
