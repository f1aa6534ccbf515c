import type { CorpusDocument, Source, Vocabulary } from '../types.js';

/** A source of the corpus as the prepare stage takes it. */
export interface CorpusSource<D extends CorpusDocument = CorpusDocument> extends Source<D> {
  /** share of the corpus's rows; undefined: as many as there are */
  readonly share: number | undefined;
  /** @param vocabulary what ids are held against; a source of texts needs none */
  documents(vocabulary?: Vocabulary): AsyncIterable<D>;
  /**
   * What the documents come from, for lineage: a file's sha256, or a package's name and version.
   * @param onFile called after some, with the share of files that is done
   */
  inputs(onFile?: (share: number) => void | Promise<void>): Promise<readonly SourceInput[]>;
  /** looks its files up, so that reading begins at once; sources of packages have none */
  find?(): Promise<void>;
  /** how far the last `documents()` has come, 0 … 1; undefined where it cannot be known */
  progress(): number | undefined;
}

/** A document with where it stands in its source: no other has that place, though ids may come twice. */
export interface Placed<D> {
  /** `<file>:<line or row>` */
  readonly place: string;
  readonly document: D;
}
export interface PlacedSource<D extends CorpusDocument = CorpusDocument> extends CorpusSource<D> {
  placed(vocabulary?: Vocabulary): AsyncIterable<Placed<D>>;
}

export interface SourceInput {
  readonly name: string;
  readonly sha256: string;
}
