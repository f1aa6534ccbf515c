import { readFile } from 'node:fs/promises';
import type { Artifact } from '../../artifacts/types.js';
import type { CheckpointFiles } from './checkpoint-files.js';

/** A batch that training went by: the run is as if it had not been in the order of data. */
export interface SkippedBatch {
  /** the step that took the next batch in its place, from 1 */
  readonly step: number;
  /** its place in the order of data, from 1; of the bilevel phase all minibatches of the outer step at that place */
  readonly batch: number;
  /** what was wrong: `loss NaN` */
  readonly fault: string;
  /** the step's figures by name; what is no number as a word, which JSON lacks */
  readonly figures: Readonly<Record<string, number | string>>;
  /** ids of its first rows */
  readonly rows: readonly string[];
  readonly rowCount: number;
}

const FILE = 'skipped.json';
/** Enough to look at; a batch of thousands fills no screen. */
const ROWS_NAMED = 8;

export function skippedBatch({ step, batch, fault, figures, rows }: { readonly step: number; readonly batch: number; readonly fault: string; readonly figures: Readonly<Record<string, number>>; readonly rows: readonly string[] }): SkippedBatch {
  const named = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number.isFinite(value) ? value : String(value)]));
  return { step, batch, fault, figures: named, rows: rows.slice(0, ROWS_NAMED), rowCount: rows.length };
}

/** `a, b, … (32 in all)` */
export const rowsText = (rows: readonly string[], count = rows.length): string => rows.slice(0, ROWS_NAMED).join(', ') + (count > ROWS_NAMED ? `, … (${count} in all)` : '');

/** `step 41 (batch 41: loss NaN), step 90 (batches 91 to 93: loss Infinity)`; of those that one step went by, which follow each other, the first one's fault. */
export function skippedText(skipped: readonly SkippedBatch[]): string {
  const steps = [...new Set(skipped.map(({ step }) => step))];
  return steps
    .map((step) => {
      const [first, ...others] = skipped.filter((one) => one.step === step);
      const last = others.at(-1);
      return `step ${step} (${last === undefined ? `batch ${first.batch}` : `batches ${first.batch} to ${last.batch}`}: ${first.fault})`;
    })
    .join(', ');
}

/** What a reader of the result must know. */
export const skippedNote = (skipped: readonly SkippedBatch[]): string => `${skipped.length} ${skipped.length === 1 ? 'batch' : 'batches'} skipped where numbers went bad: ${skippedText(skipped)}`;

/** A checkpoint without the file has skipped nothing: that of a run that needs none is what it always was. */
export const skippedFiles = (skipped: readonly SkippedBatch[]): CheckpointFiles => (skipped.length === 0 ? {} : { [FILE]: JSON.stringify(skipped) });

export async function readSkipped(artifact: Artifact): Promise<readonly SkippedBatch[]> {
  if (!artifact.manifest.files.some(({ name }) => name === FILE)) return [];
  return JSON.parse(await readFile(await artifact.file(FILE), 'utf8')) as SkippedBatch[]; // written above
}
