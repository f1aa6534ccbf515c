import { BlissError } from '../errors.js';
import type { EvaluationProgram } from '../programs/index.js';
import type { EncodedRequest } from './encode-request.js';
import type { Answer } from './task-metrics.js';

/** Shorter rows are padded to this: steps of so few positions are no faster. */
const SHORTEST = 32;

export interface LogLikelihoods {
  readonly requests: readonly EncodedRequest[];
  readonly vocabularySize: number;
  /** T, the longest input of the model */
  readonly maxLength: number;
  /** rows of one step */
  readonly batchSize: number;
  /** a program over rows of this many tokens, with the model's weights in it; it is disposed of here */
  open(sequenceLength: number): Promise<Pick<EvaluationProgram, 'evaluate' | 'dispose'>>;
  /** hears every batch's answers, by their place among the requests, before the next batch begins */
  onBatch?(answered: readonly Answered[]): Promise<void>;
}

export interface Answered {
  readonly index: number;
  readonly answer: Answer;
}

/**
 * One answer a request. Longest first: what does not fit the memory shows at once. Rows are padded to a few lengths, powers of two, so that
 * few programs are compiled, one at a time; a row's length depends on the row alone, so that what was answered before changes no bit of the rest.
 * @throws BlissError DataInvalid where the tokenizer has tokens that the model lacks
 */
export async function logLikelihoods({ requests, vocabularySize, maxLength, batchSize, open, onBatch }: LogLikelihoods): Promise<Answer[]> {
  const answers: Answer[] = [];
  const rows = requests.map((request, index): Row => ({ ...request, index }));
  // an empty continuation is certain, whatever the model
  for (const { index, predicted } of rows) if (predicted === 0) answers[index] = { logLikelihood: 0, isGreedy: true };
  const asked = rows.filter(({ predicted }) => predicted > 0).sort((a, b) => b.tokens.length - a.tokens.length || a.index - b.index);
  checkTokens(asked, vocabularySize);
  for (let start = 0; start < asked.length; ) {
    const length = paddedLength(asked[start].tokens.length, maxLength + 1);
    const after = asked.findIndex(({ tokens }, i) => i >= start && paddedLength(tokens.length, maxLength + 1) !== length);
    const end = after < 0 ? asked.length : after;
    const program = await open(length);
    try {
      for (; start < end; start += batchSize) {
        const batch = asked.slice(start, Math.min(end, start + batchSize));
        const answered = evaluate(program, batch, { length, batchSize });
        for (const { index, answer } of answered) answers[index] = answer;
        await onBatch?.(answered);
      }
    } finally {
      program.dispose();
    }
    start = end;
  }
  return answers;
}

interface Row extends EncodedRequest {
  readonly index: number;
}

/** The next power of two, at most the longest there is. */
function paddedLength(tokens: number, longest: number): number {
  let length = SHORTEST;
  while (length < tokens) length *= 2;
  return Math.min(length, longest);
}

function evaluate(program: Pick<EvaluationProgram, 'evaluate'>, batch: readonly Row[], { length, batchSize }: { readonly length: number; readonly batchSize: number }): Answered[] {
  // padding comes after what counts, and a causal model does not look ahead
  const ids = new Int32Array(batchSize * length);
  batch.forEach(({ tokens }, i) => ids.set(tokens, i * length));
  const { negativeLogLikelihood, correct } = program.evaluate(ids);
  return batch.map(({ index, tokens, predicted }, i) => {
    // entry t is about the prediction of token t+1
    const end = i * (length - 1) + tokens.length - 1;
    const own = <T extends Float32Array | Int32Array>(values: T): T => values.subarray(end - predicted, end) as T; // a part of either is of its kind
    return { index, answer: { logLikelihood: -own(negativeLogLikelihood).reduce((sum, value) => sum + value, 0), isGreedy: own(correct).every((value) => value === 1) } };
  });
}

function checkTokens(rows: readonly Row[], vocabularySize: number): void {
  const unknown = rows.flatMap(({ tokens }) => tokens).find((token) => token >= vocabularySize);
  if (unknown === undefined) return;
  throw new BlissError({ code: 'DataInvalid', message: `the tokenizer gives the token ${unknown}, and the model has ${vocabularySize}`, mend: 'use the tokenizer that the model was trained with' });
}
