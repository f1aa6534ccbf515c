import { BlissError } from '../errors.js';
import type { LogLikelihoodProgram } from '../programs/index.js';
import type { EncodedRequest } from './encode-request.js';
import type { Answer } from './task-metrics.js';

/** Shorter rows are padded to this: steps of so few positions are no faster. */
const SHORTEST = 32;
/** Tokens of one step, unless a single row has more: what attention holds grows with their number times the length. */
const TOKENS_AT_ONCE = 2 ** 14;

/** One request among many. */
export interface AskedRequest extends EncodedRequest {
  /** requests of one group are computed together, and with no others */
  readonly group: number;
  /** answered before */
  readonly known?: Answer | undefined;
}

export interface LogLikelihoods {
  readonly requests: readonly AskedRequest[];
  readonly vocabularySize: number;
  /** T, the longest input of the model */
  readonly maxLength: number;
  /** rows of one step; fewer where they are long */
  readonly batchSize: number;
  /** a program over so many rows of so many tokens, with the model's weights in it; it is disposed of here */
  open(shape: BatchShape): Promise<Pick<LogLikelihoodProgram, 'predict' | 'dispose'>>;
  /** hears a batch's new answers, by their place among the requests, before the next batch begins */
  onBatch?(answered: readonly Answered[]): Promise<void>;
}

export interface BatchShape {
  readonly sequenceLength: number;
  readonly batchSize: number;
}

export interface Answered {
  readonly index: number;
  readonly answer: Answer;
}

/**
 * One answer a request. Longest first: what does not fit the memory shows at once. Rows are padded to a few lengths, powers of two, so that few
 * programs are compiled, one at a time. Requests of a group that differ in their last token only share a row. The last bit of a row's answers may
 * depend on its place in a batch; batches are made of all requests of a group, those answered before too, so that an interruption and other groups
 * change no bit.
 * @throws BlissError DataInvalid where the tokenizer has tokens that the model lacks, or the weights give no numbers
 */
export async function logLikelihoods({ requests, vocabularySize, maxLength, batchSize, open, onBatch }: LogLikelihoods): Promise<Answer[]> {
  checkTokens(requests, vocabularySize);
  const answers = requests.map(({ known, predicted }) => known ?? (predicted === 0 ? CERTAIN : undefined));
  const isOpen = ({ index }: { readonly index: number }): boolean => answers[index] === undefined;
  let program: Awaited<ReturnType<typeof open>> | undefined;
  let before: BatchShape | undefined;
  try {
    for (const { shape, rows } of makeBatches(requests, { maxLength, batchSize })) {
      if (!rows.some(({ asked }) => asked.some(isOpen))) continue;
      if (program === undefined || shape.sequenceLength !== before?.sequenceLength) {
        program?.dispose();
        program = undefined;
        program = await open(shape);
        before = shape;
      }
      const answered = predict(program, rows, shape).filter(isOpen);
      for (const { index, answer } of answered) answers[index] = answer;
      await onBatch?.(answered);
    }
  } finally {
    program?.dispose();
  }
  return answers.map((answer) => {
    if (answer === undefined) throw new RangeError('a request is in no batch');
    return answer;
  });
}

/** of an empty continuation, whatever the model */
const CERTAIN: Answer = { logLikelihood: 0, isGreedy: true };

/** What the model reads: all tokens but the last, and what is asked of them. */
interface Row {
  readonly group: number;
  readonly padded: number;
  readonly asked: (AskedRequest & { readonly index: number })[];
}
interface Batch {
  readonly shape: BatchShape;
  readonly rows: readonly Row[];
}

function makeBatches(requests: readonly AskedRequest[], { maxLength, batchSize }: Pick<LogLikelihoods, 'maxLength' | 'batchSize'>): Batch[] {
  const rows = rowsOf(requests, maxLength);
  const length = ({ asked: [{ tokens }] }: Row): number => tokens.length;
  rows.sort((a, b) => b.padded - a.padded || a.group - b.group || length(b) - length(a) || a.asked[0].index - b.asked[0].index);
  const batches: { readonly shape: BatchShape; readonly rows: Row[] }[] = [];
  for (const row of rows) {
    const last = batches.at(-1);
    if (last !== undefined && last.shape.sequenceLength === row.padded && last.rows[0].group === row.group && last.rows.length < last.shape.batchSize) last.rows.push(row);
    else batches.push({ shape: { sequenceLength: row.padded, batchSize: Math.max(1, Math.min(batchSize, Math.floor(TOKENS_AT_ONCE / row.padded))) }, rows: [row] });
  }
  return batches;
}

function rowsOf(requests: readonly AskedRequest[], maxLength: number): Row[] {
  const rows = new Map<string, Row>();
  for (const [index, request] of requests.entries()) {
    if (request.predicted === 0) continue;
    const input = request.tokens.slice(0, -1);
    const key = `${request.group}:${input.join()}`;
    const row = rows.get(key) ?? { group: request.group, padded: paddedLength(input.length, maxLength), asked: [] };
    row.asked.push({ ...request, index });
    rows.set(key, row);
  }
  return [...rows.values()];
}

/** The next power of two, at most T. */
function paddedLength(tokens: number, maxLength: number): number {
  let length = SHORTEST;
  while (length < tokens) length *= 2;
  return Math.min(length, maxLength);
}

function predict(program: Pick<LogLikelihoodProgram, 'predict'>, rows: readonly Row[], { sequenceLength, batchSize }: BatchShape): Answered[] {
  // padding comes after what counts, and a causal model does not look ahead
  const ids = new Int32Array(batchSize * sequenceLength);
  const at: number[] = [];
  const wanted: number[] = [];
  rows.forEach(({ asked }, i) => {
    ids.set(asked[0].tokens.slice(0, -1), i * sequenceLength);
    for (const { tokens, predicted } of asked) {
      for (let t = tokens.length - predicted; t < tokens.length; t++) {
        at.push(i * sequenceLength + t - 1);
        wanted.push(tokens[t]);
      }
    }
  });
  const { negativeLogLikelihood, correct } = program.predict({ ids, at: Int32Array.from(at), tokens: Int32Array.from(wanted) });
  let start = 0;
  return rows.flatMap(({ asked }) => asked).map(({ index, predicted }) => {
    const end = start + predicted;
    const logLikelihood = -negativeLogLikelihood.subarray(start, end).reduce((sum, value) => sum + value, 0);
    const isGreedy = correct.subarray(start, end).every((value) => value === 1);
    start = end;
    if (Number.isNaN(logLikelihood)) throw new BlissError({ code: 'DataInvalid', message: 'a log-likelihood is no number', fix: 'check the weights: training diverged, or the file is not whole' });
    return { index, answer: { logLikelihood, isGreedy } };
  });
}

function checkTokens(requests: readonly EncodedRequest[], vocabularySize: number): void {
  const unknown = requests.flatMap(({ tokens }) => tokens.find((token) => token >= vocabularySize) ?? []);
  if (unknown.length === 0) return;
  throw new BlissError({ code: 'DataInvalid', message: `the tokenizer gives the token ${unknown[0]}, and the model has ${vocabularySize}`, fix: 'use the tokenizer that the model was trained with' });
}
