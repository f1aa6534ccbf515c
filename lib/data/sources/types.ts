import type { CorpusDocument, Source, Vocabulary } from '../types.js';

/** A source of the corpus as the prepare stage takes it. */
export interface CorpusSource<D extends CorpusDocument = CorpusDocument> extends Source<D> {
  /** share of the corpus's rows; undefined: as many as there are */
  readonly share: number | undefined;
  /** @param vocabulary what ids are held against; a source of texts needs none */
  documents(vocabulary?: Vocabulary): AsyncIterable<D>;
  /** what the documents come from, for lineage: a file's sha256, or a package's name and version */
  inputs(): Promise<readonly SourceInput[]>;
  /** how far the last `documents()` has come, 0 … 1; undefined where it cannot be known */
  progress(): number | undefined;
}

export interface SourceInput {
  readonly name: string;
  readonly sha256: string;
}
