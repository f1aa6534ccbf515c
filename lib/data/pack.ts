import type { Document, TokenRow } from './types.js';
import type { Tokenizer } from './tokenizer/index.js';

export type PackedRow = Pick<TokenRow, 'id' | 'source' | 'tokens'>;

export interface PackRows {
  readonly source: string;
  readonly documents: AsyncIterable<Document>;
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'endOfText'>;
  /** T */
  readonly sequenceLength: number;
  /** called with every document taken */
  readonly onDocument?: (document: Document) => void;
}

/**
 * Documents of one source, an end-of-text token after each, cut into rows of T tokens; what is left at the end is dropped.
 * A row's id is `<source>:<number>`, zero-padded so that ids sort as the rows came.
 */
export async function* packRows({ source, documents, tokenizer, sequenceLength, onDocument }: PackRows): AsyncIterable<PackedRow> {
  let row = new Int32Array(sequenceLength);
  let filled = 0;
  let number = 0;
  for await (const document of documents) {
    onDocument?.(document);
    const ids = tokenizer.encode(document.text);
    ids.push(tokenizer.endOfText);
    for (let at = 0; at < ids.length; ) {
      const take = Math.min(sequenceLength - filled, ids.length - at);
      for (let i = 0; i < take; i++) row[filled + i] = ids[at + i];
      filled += take;
      at += take;
      if (filled < sequenceLength) continue;
      yield { id: `${source}:${String(number++).padStart(9, '0')}`, source, tokens: row };
      row = new Int32Array(sequenceLength);
      filled = 0;
    }
  }
}
