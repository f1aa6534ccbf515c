import { BlissError } from '../errors.js';
import type { Candidates } from './types.js';

/** The logits, all of them numbers. @throws BlissError DataInvalid */
export function logitsOf({ ids, logits }: Candidates, selector: string): Float32Array {
  if (logits === undefined || logits.length !== ids.length) {
    throw new BlissError({ code: 'DataInvalid', message: `${selector} needs a score of each of ${ids.length} rows, ${logits?.length ?? 0} came`, mend: 'score every row of the group first' });
  }
  const bad = logits.findIndex(Number.isNaN);
  if (bad >= 0) throw new BlissError({ code: 'DataInvalid', where: ids[bad], message: 'the score of the row is no number', mend: 'the score model has diverged: lower bilevel.score.peakLearningRate' });
  return logits;
}
