import type { StageContext, StageProgress } from '../types.js';

/**
 * What a step does between its micro-batches: it says now and then how far it is, which hears what the worker has to say, and goes on unless the stage shall end.
 * @param at how far the stage is after so many parts of the step
 */
export function betweenParts({ context, at }: { readonly context: Pick<StageContext, 'progress' | 'stopReason' | 'hearEveryMs'>; readonly at: (partsDone: number) => StageProgress }): (partsDone: number) => Promise<boolean> {
  let heard = performance.now();
  return async (partsDone) => {
    if (performance.now() - heard >= context.hearEveryMs) {
      await context.progress(at(partsDone));
      heard = performance.now();
    }
    return context.stopReason() === undefined;
  };
}
