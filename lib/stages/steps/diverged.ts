import { BlissError } from '../../errors.js';
import { rowsText, type SkippedBatch, skippedText } from '../contents/index.js';

export interface Divergence {
  /** `pretraining, step 41` */
  readonly where: string;
  /** what is wrong with its figures: `loss NaN, gradientNorm Infinity` */
  readonly fault: string;
  /** ids of the rows of the step's minibatches */
  readonly rows: readonly string[];
  /** step of the newest checkpoint; undefined: there is none */
  readonly checkpoint: number | undefined;
  /** batches that were skipped before, as many as may be */
  readonly skipped: readonly SkippedBatch[];
  readonly fix: string;
}

/** A loss or gradient gone bad: training on would spread it to every weight. Trying again gives the same, so a person decides. */
export function diverged({ where, fault, rows, checkpoint, skipped, fix }: Divergence): BlissError {
  const kept = checkpoint === undefined ? 'no checkpoint was saved before' : `the last checkpoint is at step ${checkpoint}`;
  const before = skipped.length === 0 ? '' : `; skipped before, as many as divergence.maxSkipped allows: ${skippedText(skipped)}`;
  return new BlissError({ code: 'LossDiverged', message: `${where}: ${fault}; rows of the step: ${rowsText(rows)}; ${kept}${before}`, fix });
}
