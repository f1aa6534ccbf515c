import { summariseHeldOut, type ExampleLosses } from '../evaluation/index.js';
import type { NamedArrays } from '../tensor/index.js';
import { openCorpus } from './contents/index.js';
import { heldOutLosses } from './evaluation/held-out-losses.js';
import type { StageContext, TrainingInput } from './types.js';

/** Whether the held-out loss of the weights after a step is taken: every so many steps, and after the last. */
export const isOnCurve = ({ steps, heldOut }: Pick<TrainingInput, 'steps' | 'heldOut'>, done: number): boolean => heldOut !== undefined && (done % heldOut.every === 0 || done === steps);

/**
 * Loss of the target on a held-out set while it trains, of its weights as they are, without the decay that evaluations are after. It reads the weights and
 * changes none.  @returns from weights to nats a token; undefined where none is asked for  @see method §7
 */
export async function openHeldOutCurve({ model, vocabularySize, sequenceLength, compiler: mode, heldOut }: TrainingInput, context: StageContext): Promise<((params: NamedArrays) => Promise<number>) | undefined> {
  if (heldOut === undefined) return undefined;
  const { batchSize, set } = heldOut;
  const examples = await (await openCorpus(context.store, heldOut.corpus)).heldOut(set);
  const program = await context.programs.evaluation({ model, vocabularySize, sequenceLength, batchSize, mode });
  return async (params) => {
    program.setState(params);
    const losses: ExampleLosses[] = [];
    for await (const some of heldOutLosses({ program, examples, batchSize, sequenceLength, waiting: context.waiting })) {
      losses.push(...some);
      await context.phase('evaluating on held-out text'); // a sign of life after each batch
    }
    return summariseHeldOut(losses).loss;
  };
}
