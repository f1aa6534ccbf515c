import type { CorpusDocument, TokenRow } from './types.js';
import { encodedPieces, type Tokenizer } from './tokenizer/index.js';

export interface PackedRow extends Pick<TokenRow, 'id' | 'source' | 'tokens'> {
  readonly documents: readonly string[];
}

export interface PackRows {
  readonly source: string;
  readonly documents: AsyncIterable<CorpusDocument>;
  readonly tokenizer: Pick<Tokenizer, 'encodePieces' | 'endOfText'>;
  /** T */
  readonly sequenceLength: number;
  /** called with every document taken */
  readonly onDocument?: (document: CorpusDocument) => void;
  /** called now and then within a long document */
  readonly onPause?: () => Promise<void>;
}

/**
 * Documents of one source, an end-of-text token after each, cut into rows of T tokens; what is left at the end is dropped.
 * A row's id is `<source>:<number>`, zero-padded so that ids sort as the rows came. Tokenised documents bring their end-of-text tokens.
 * @throws BlissError DataInvalid that names the document which cannot be encoded
 */
export async function* packRows({ source, documents, tokenizer, sequenceLength, onDocument, onPause }: PackRows): AsyncIterable<PackedRow> {
  let row = new Int32Array(sequenceLength);
  let held: string[] = [];
  let filled = 0;
  let number = 0;
  for await (const document of documents) {
    onDocument?.(document);
    const pieces = 'tokens' in document ? [document.tokens] : encodedPieces({ text: document.text, name: document.id, tokenizer, end: tokenizer.endOfText });
    let isNew = true;
    for (const ids of pieces) {
      for (let at = 0; at < ids.length; ) {
        const take = Math.min(sequenceLength - filled, ids.length - at);
        for (let i = 0; i < take; i++) row[filled + i] = ids[at + i];
        if (isNew || filled === 0) held.push(document.id);
        isNew = false;
        filled += take;
        at += take;
        if (filled < sequenceLength) continue;
        yield { id: `${source}:${String(number++).padStart(9, '0')}`, source, tokens: row, documents: held };
        row = new Int32Array(sequenceLength);
        held = [];
        filled = 0;
      }
      await onPause?.();
    }
  }
}
