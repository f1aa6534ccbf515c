import type { Database } from '../data/index.js';
import { BlissError } from '../errors.js';

export interface OfAllLogits {
  readonly database: Database;
  /** relation with a column `logit`, in the order of the rows */
  readonly rows: string;
}

/** The mean of the two in the middle of an even number. */
export async function medianOf({ database, rows }: OfAllLogits): Promise<number> {
  const [{ n }] = await database.rows(`SELECT count(*) AS n FROM ${rows}`);
  const even = Number(n) % 2 === 0;
  const middle = await database.rows(`SELECT logit FROM ${rows} ORDER BY logit LIMIT ${even ? 2 : 1} OFFSET ${Math.max(0, Math.floor((Number(n) - 1) / 2))}`);
  return middle.reduce((sum, { logit }) => sum + Number(logit), 0) / middle.length;
}

/**
 * With n in the denominator. Added up row by row, here: the sums of SQL's threads end in other bits from run to run.
 * @throws BlissError DataInvalid where scores are infinite, which have none
 */
export async function deviationOf({ database, rows }: OfAllLogits): Promise<number> {
  const [{ infinite }] = await database.rows(`SELECT count_if(isinf(logit)) AS infinite FROM ${rows}`);
  if (Number(infinite) > 0) throw new BlissError({ code: 'DataInvalid', message: `${Number(infinite)} scores are infinite: there is no standard deviation to count in`, fix: 'look at the scorer, or draw by another method' });
  const mean = async (of: (logit: number) => number): Promise<number> => {
    let sum = 0;
    let n = 0;
    for await (const [logits] of database.columns(`SELECT logit FROM ${rows}`)) {
      for (const logit of logits) sum += of(Number(logit));
      n += logits.length;
    }
    return sum / n;
  };
  const middle = await mean((logit) => logit);
  return Math.sqrt(await mean((logit) => (logit - middle) ** 2));
}
