import { counted } from '../counted.js';
import { BlissError } from '../errors.js';
import { permutation } from '../random.js';
import { openParquet } from './parquet.js';
import { mostRows } from './most-rows.js';
import { batchOrder, type BatchOrder } from './order.js';
import { badShard, bytesToTokens, DOCUMENTS_COLUMN, TOKEN_DTYPE_KEY } from './token-rows.js';
import type { OpenDataset, TokenRow } from './types.js';

/** Decoded row groups kept, in bytes of tokens: the whole of a small dataset, some groups of a large one. */
const CACHE_BYTES = 64 * 2 ** 20;

interface RowGroup {
  /** of its shard in the index */
  readonly name: string;
  readonly file: string;
  /** within its file */
  readonly group: number;
  /** index of its first row in the dataset */
  readonly start: number;
  readonly rows: number;
}

/** @throws BlissError DataCorrupt where files and index disagree */
export const openDataset: OpenDataset = async (artifact, index, { documents = false } = {}) => {
  const { sequenceLength } = index;
  const groups: RowGroup[] = [];
  let rows = 0;
  for (const shard of index.shards) {
    const file = artifact.local === undefined ? await artifact.file(shard.file) : (await artifact.local(shard.file)).path;
    const parquet = await openParquet(file).catch(async (error: unknown) => {
      await artifact.file(shard.file); // one that is not what it was says so
      throw error;
    });
    await parquet.close();
    if (parquet.rows !== shard.rows) throw badShard(file, `the shard has ${parquet.rows} rows, its index says ${shard.rows}`);
    parquet.rowGroups.forEach((count, group) => {
      groups.push({ name: shard.file, file, group, start: rows, rows: count });
      rows += count;
    });
  }
  if (rows !== index.rows) throw badShard(groups[0]?.file ?? 'the dataset', `the shards have ${rows} rows, the index says ${index.rows}`);

  /** insertion order is order of use */
  const cache = new Map<number, Promise<readonly TokenRow[]>>();
  const capacity = Math.max(2, Math.floor(CACHE_BYTES / (4 * sequenceLength * mostRows(groups))));
  const readGroup = (g: number): Promise<readonly TokenRow[]> => {
    const found = cache.get(g) ?? artifact.file(groups[g].name).then(() => readRows(groups[g], sequenceLength, documents));
    cache.delete(g);
    cache.set(g, found);
    found.catch(() => cache.delete(g));
    for (const oldest of cache.keys()) {
      if (cache.size <= capacity) break;
      cache.delete(oldest);
    }
    return found;
  };
  const orders: { key: string; subset: Uint32Array | undefined; order: BatchOrder }[] = [];
  const orderOf = (seed: string, part: { of: number; index: number } | undefined, subset: Uint32Array | undefined): BatchOrder => {
    const key = JSON.stringify([seed, part?.of ?? 1, part?.index ?? 0]);
    let entry = orders.find((known) => known.key === key && known.subset === subset);
    if (entry === undefined) {
      entry = { key, subset, order: batchOrder({ groups, seed, part, subset }) };
      // inner and outer cursor, training and what else a stage may read by turns
      if (orders.unshift(entry) > 4) orders.pop();
    }
    return entry.order;
  };

  return {
    rows,
    sequenceLength,
    async *read(start, end) {
      for (let g = 0; g < groups.length; g++) {
        const group = groups[g];
        if (group.start + group.rows <= start || group.start >= end) continue;
        const found = await readGroup(g);
        yield* found.slice(Math.max(0, start - group.start), Math.min(group.rows, end - group.start));
      }
    },
    async batch({ seed, step, batchSize, part, subset }) {
      const order = orderOf(seed, part, subset);
      if (order.rows < batchSize) {
        throw new BlissError({
          code: 'DataInvalid',
          message: `a batch wants ${counted(batchSize, 'row')}, the dataset has ${order.rows}${part === undefined ? '' : ` in part ${part.index} of ${part.of}`}`,
          fix: 'lower the batch size, or raise data.rowsPerGroup or the fraction of rows that is used',
        });
      }
      const batch: TokenRow[] = [];
      for (const { group, row } of order.take(step * batchSize, batchSize)) batch.push((await readGroup(group))[row]);
      return batch;
    },
  };
};

async function readRows({ file, group, start, rows }: RowGroup, sequenceLength: number, documents: boolean): Promise<readonly TokenRow[]> {
  const parquet = await openParquet(file);
  try {
    const dtype = parquet.metadata[TOKEN_DTYPE_KEY];
    if (dtype !== 'uint16' && dtype !== 'uint32') throw badShard(file, `the metadata lacks ${TOKEN_DTYPE_KEY}`);
    const width = dtype === 'uint16' ? 2 : 4;
    const all = new Int32Array(rows * sequenceLength);
    const withDocuments = documents && parquet.columns.includes(DOCUMENTS_COLUMN);
    const columns = ['id', 'source', 'tokens', ...(withDocuments ? [DOCUMENTS_COLUMN] : [])];
    return (await parquet.readRowGroup(group, columns)).map(({ id, source, tokens: bytes, [DOCUMENTS_COLUMN]: ids }, i) => {
      if (typeof id !== 'string' || typeof source !== 'string' || !(bytes instanceof Uint8Array)) throw badShard(file, 'a row lacks id, source or tokens');
      if (bytes.byteLength !== sequenceLength * width) throw badShard(file, `the row ${id} has ${bytes.byteLength / width} tokens, not ${sequenceLength}`);
      const tokens = all.subarray(i * sequenceLength, (i + 1) * sequenceLength);
      bytesToTokens(bytes, dtype, tokens);
      return { id, source, tokens, index: start + i, ...(withDocuments ? { documents: Array.isArray(ids) ? ids.map(String) : [] } : {}) };
    });
  } finally {
    await parquet.close();
  }
}

/** A uniform sample of ⌊fraction · rows⌉ row indices, at least one, ascending: a pure function of (rows, fraction, seed). */
export function sampleRows(rows: number, fraction: number, seed: string): Uint32Array {
  const count = Math.min(rows, Math.max(1, Math.round(fraction * rows)));
  return permutation(rows, seed, 'sample').slice(0, count).sort();
}
