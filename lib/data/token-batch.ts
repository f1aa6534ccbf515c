import type { TokenDataset, TokenRow } from './types.js';

/**
 * Which rows of a dataset a batch is of. Plain data, and the rows follow from it alone, whatever was read before: training
 * that is gone on with at a step asks for the same rows as training that came by it.
 */
export type BatchRequest =
  /** the batch of training step `step` of an order; see TokenDataset.batch */
  | { readonly kind: 'ordered'; readonly seed: string; readonly step: number; readonly part?: { readonly of: number; readonly index: number } }
  /** rows [start, end) in stored order, at most a batch of them */
  | { readonly kind: 'range'; readonly start: number; readonly end: number };

/** Rows as a step takes them. */
export interface TokenBatch {
  /** int32 [n·T]; where there are fewer than n rows the last ones repeat the first, so that shapes stay fixed */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** of the real rows: position in the dataset, id and source name, in the batch's order */
  readonly indices: Uint32Array<ArrayBuffer>;
  readonly ids: readonly string[];
  readonly sources: readonly string[];
}

export interface ReadBatch {
  readonly dataset: TokenDataset;
  readonly request: BatchRequest;
  /** n */
  readonly batchSize: number;
  /** restricts orders to these rows, ascending indices; the same array each time */
  readonly subset?: Uint32Array;
}

/** @throws BlissError DataInvalid (too few rows for a batch), DataCorrupt; RangeError for a range of no rows or of more than a batch */
export async function readBatch({ dataset, request, batchSize, subset }: ReadBatch): Promise<TokenBatch> {
  let rows: TokenRow[] = [];
  if (request.kind === 'ordered') {
    const { seed, step, part } = request;
    rows = await dataset.batch({ seed, step, batchSize, part, subset });
  } else {
    for await (const row of dataset.read(request.start, request.end)) rows.push(row);
    if (rows.length === 0 || rows.length > batchSize) throw new RangeError(`rows ${request.start} to ${request.end} are ${rows.length}, no batch of ${batchSize}`);
  }
  const { sequenceLength } = dataset;
  const tokens = new Int32Array(batchSize * sequenceLength);
  for (let i = 0; i < batchSize; i++) tokens.set((rows[i] ?? rows[0]).tokens, i * sequenceLength);
  return { tokens, indices: Uint32Array.from(rows, ({ index }) => index), ids: rows.map(({ id }) => id), sources: rows.map(({ source }) => source) };
}
