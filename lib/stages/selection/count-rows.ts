import { throwIfStopped } from '../execution/index.js';
import type { StageContext } from '../types.js';

/** Counts rows read, says so now and then, and hears a stop: nothing is saved on the way, what was not finished is done again. */
export function countRows(of: number, context: StageContext): () => Promise<void> {
  let read = 0;
  return async () => {
    if (++read % 1024 !== 0) return;
    await context.progress({ step: read, of, amount: { value: read, unit: 'rows' } });
    throwIfStopped(context);
  };
}
