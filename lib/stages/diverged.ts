import { BlissError } from '../errors.js';

export interface Divergence {
  /** `pretraining, step 41` */
  readonly where: string;
  /** the figures that went bad, by name */
  readonly figures: Readonly<Record<string, number>>;
  /** ids of the rows of the step's minibatches */
  readonly rows: readonly string[];
  /** step of the newest checkpoint; undefined: there is none */
  readonly checkpoint: number | undefined;
  readonly mend: string;
}

/** Enough to look at; a batch of thousands fills no screen. */
const ROWS_NAMED = 8;

/** A loss or gradient that is no number: training on would spread it to every weight. Trying again gives the same, so a person decides. */
export function diverged({ where, figures, rows, checkpoint, mend }: Divergence): BlissError {
  const bad = Object.entries(figures).filter(([, value]) => !Number.isFinite(value)).map(([name, value]) => `${name} ${value}`);
  const named = rows.slice(0, ROWS_NAMED).join(', ') + (rows.length > ROWS_NAMED ? `, … (${rows.length} in all)` : '');
  const kept = checkpoint === undefined ? 'no checkpoint was saved before' : `the last checkpoint is at step ${checkpoint}`;
  return new BlissError({ code: 'LossDiverged', message: `${where}: ${bad.join(', ')}; rows of the step: ${named}; ${kept}`, mend });
}
