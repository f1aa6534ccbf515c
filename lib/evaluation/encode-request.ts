import type { Tokenizer } from '../data/tokenizer/index.js';
import { trailingSpace } from './python-text.js';
import type { Request } from './tasks/index.js';

export interface EncodedRequest {
  /** at most T+1 tokens: the model reads all but the last and predicts all but the first */
  readonly tokens: readonly number[];
  /** how many of the last tokens are the continuation's */
  readonly predicted: number;
  /** its beginning does not fit T and was left out */
  readonly isCut: boolean;
  /** not even the continuation fits T: only its last T tokens are counted. The harness refuses such a request. */
  readonly isContinuationCut: boolean;
}

export interface EncodeRequest {
  readonly request: Request;
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'endOfText'>;
  /** T */
  readonly maxLength: number;
}

/**
 * A request as tokens, as the harness makes them for causal models: what white space the context ends with goes over to the continuation, the
 * whole is encoded and cut at the length of the encoded context, nothing is put in front, an empty context is the end of a text.
 */
export function encodeRequest({ request, tokenizer, maxLength }: EncodeRequest): EncodedRequest {
  const space = trailingSpace(request.context);
  const context = request.context.slice(0, request.context.length - space.length);
  const whole = tokenizer.encode(context + space + request.continuation);
  const { before, continuation } = cut(whole, context === '' ? undefined : tokenizer.encode(context).length, tokenizer.endOfText);
  const all = [...before, ...continuation];
  const tokens = all.slice(-(maxLength + 1));
  return { tokens, predicted: Math.min(continuation.length, maxLength), isCut: tokens.length < all.length, isContinuationCut: continuation.length > maxLength };
}

function cut(whole: readonly number[], contextLength: number | undefined, endOfText: number): { readonly before: readonly number[]; readonly continuation: readonly number[] } {
  // a text that already begins with the end of one has that as its context
  if (contextLength === undefined) return whole[0] === endOfText ? { before: whole.slice(0, 1), continuation: whole.slice(1) } : { before: [endOfText], continuation: whole };
  return { before: whole.slice(0, contextLength), continuation: whole.slice(contextLength) };
}
