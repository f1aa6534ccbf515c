import { BlissError } from '../../errors.js';
import type { Tokenizer } from './tokenizer.js';

export interface EncodedPieces {
  readonly text: string;
  /** what to call the text where it cannot be encoded */
  readonly name: string;
  readonly tokenizer: Pick<Tokenizer, 'encodePieces'>;
  /** an id that comes last */
  readonly end?: number;
}

export const cannotEncode = (name: string, error: RangeError): BlissError =>
  new BlissError({ code: 'DataInvalid', where: name, message: `the document cannot be encoded: ${error.message}`, fix: 'break its lines, split it, or leave it out', cause: error });

/** The ids of a document in pieces of some milliseconds' work each. @throws BlissError DataInvalid that names it */
export function* encodedPieces({ text, name, tokenizer, end }: EncodedPieces): Iterable<ArrayLike<number>> {
  try {
    yield* tokenizer.encodePieces(text);
  } catch (error) {
    throw error instanceof RangeError ? cannotEncode(name, error) : error;
  }
  if (end !== undefined) yield [end];
}
