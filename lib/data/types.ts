import type { Artifact, LocalFile } from '../artifacts/types.js';

/** One document as a source yields it. */
export interface Document {
  /** `<file>:<line or row>`, from where the source's files begin, or the corpus's own. Another source may have the same */
  readonly id: string;
  readonly source: string;
  readonly text: string;
}

/** One document that comes as token ids. */
export interface TokenDocument {
  readonly id: string;
  readonly source: string;
  /** int32, its end-of-text included */
  readonly tokens: Int32Array;
}
export type CorpusDocument = Document | TokenDocument;

/** What token ids are held against. */
export interface Vocabulary {
  /** V of the models: ids are below */
  readonly size: number;
  /** id that ends a document */
  readonly endOfText: number;
}

/** Yields documents as a stream; memory does not grow with the corpus. */
export interface Source<D extends CorpusDocument = CorpusDocument> {
  readonly name: string;
  documents(): AsyncIterable<D>;
}

/** One packed row of T tokens. */
export interface TokenRow {
  readonly id: string;
  readonly source: string;
  /** int32 [T] */
  readonly tokens: Int32Array;
  /** position within its dataset */
  readonly index: number;
  /** ids of the documents that its tokens are of, in order; absent where they were not asked for or were not kept */
  readonly documents?: readonly string[];
}

/** Where the shards of a dataset lie inside an artifact: group g of a corpus, or the rows of a selection. */
export interface ShardIndex {
  readonly rows: number;
  readonly sequenceLength: number;
  readonly shards: readonly { readonly file: string; readonly rows: number }[];
}

/** Random and sequential access to packed rows; reads one row group at a time. */
export interface TokenDataset {
  readonly rows: number;
  readonly sequenceLength: number;
  /** rows [start, end) in stored order */
  read(start: number, end: number): AsyncIterable<TokenRow>;
  /** the rows of training step `step`: a pure function of (seed, step). Epochs permute row groups and rows within. */
  batch(params: BatchParams): Promise<TokenRow[]>;
}
export interface BatchParams {
  readonly seed: string;
  readonly step: number;
  readonly batchSize: number;
  /** restricts the order to rows of the dataset for which this is true, a pure function of the row's index (disjoint cursors) */
  readonly part?: { readonly of: number; readonly index: number };
  /** restricts the order to these rows, ascending indices; a part is then a part of them. Give the same array each time: the order is made once for it */
  readonly subset?: Uint32Array;
}
/** Shards by name. Where they can be had unchecked, each is checked when the first of its rows is read, and not before. */
export interface DatasetFiles extends Pick<Artifact, 'file'> {
  local?(name: string): Promise<Pick<LocalFile, 'path'>>;
}
/** `documents`: rows come with the ids of their documents */
export type OpenDataset = (artifact: DatasetFiles, index: ShardIndex, options?: { readonly documents?: boolean }) => Promise<TokenDataset>;

/** `corpus.json` of the prepare stage's artifact. */
export interface CorpusIndex {
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** groups[0] is the warm-ups', groups[r] is round r's */
  readonly groups: readonly ShardIndex[];
  /** file names of the held-out sets within the artifact */
  readonly heldOut: Readonly<Record<HeldOutSet, { readonly file: string; readonly examples: number; readonly documents: number }>>;
  readonly sources: readonly { readonly name: string; readonly documents: number; readonly rows: number; readonly sha256: string }[];
  readonly tokenizer: { readonly file: 'tokenizer.json'; readonly sha256: string };
}
export type HeldOutSet = 'validation' | 'tuning' | 'test';

/** A LAMBADA-like passage, right-padded to T. */
export interface HeldOutExample {
  readonly id: string;
  /** int32 [T], padded with 0 */
  readonly tokens: Int32Array;
  /** number of real tokens */
  readonly length: number;
  /** index of the first token of the last word */
  readonly targetStart: number;
}
