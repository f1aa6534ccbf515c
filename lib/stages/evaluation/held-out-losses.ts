import type { HeldOutExample } from '../../data/types.js';
import type { ExampleLosses } from '../../evaluation/index.js';
import type { EvaluationProgram } from '../../programs/types.js';
import { flattenHeldOut } from '../steps/index.js';
import type { WaitClock } from '../../data/index.js';

export interface HeldOutLosses {
  /** whose state is set */
  readonly program: EvaluationProgram;
  readonly examples: readonly HeldOutExample[];
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly waiting: WaitClock;
}

/** Losses of passages, a batch at a time in the order of the set; the last batch is filled up with its first passage. */
export async function* heldOutLosses({ program, examples, batchSize, sequenceLength, waiting }: HeldOutLosses): AsyncIterable<readonly ExampleLosses[]> {
  const positions = sequenceLength - 1;
  for (let start = 0; start < examples.length; start += batchSize) {
    const batch = examples.slice(start, start + batchSize);
    const padded = Array.from({ length: batchSize }, (_, i): HeldOutExample => batch[i] ?? batch[0]);
    const { ids } = await waiting.during(() => flattenHeldOut(padded, sequenceLength, 'all-tokens'));
    const { negativeLogLikelihood, correct } = program.evaluate(ids);
    const of = (values: Float32Array | Int32Array, i: number): Float32Array | Int32Array => values.subarray(i * positions, (i + 1) * positions);
    yield batch.map((example, i) => ({ example, negativeLogLikelihood: of(negativeLogLikelihood, i), correct: of(correct, i) }));
  }
}
