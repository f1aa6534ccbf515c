import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { asBlissError } from '../errors.js';
import { hash32 } from '../random.js';
import type { PackedRow } from './pack.js';

/** Rows are sent to so many files by the next bits of their key. */
const BUCKET_BITS = 4;
const BUCKETS = 2 ** BUCKET_BITS;
/** A file up to this is ordered in memory; a larger one is spread again. */
const MEMORY_BYTES = 32 * 2 ** 20;
/** Bytes collected for a bucket before they are written. */
const BUFFER_BYTES = 256 * 1024;

export interface Shuffle {
  /** folder for spill files; removed by `remove` */
  readonly folder: string;
  readonly seed: string;
  /** @default 32 MiB; for tests */
  readonly memoryBytes?: number;
}

/**
 * One shuffle with bounded memory. A row's place follows from 64 bits of hash(seed, id), ties by id: the order is
 * uniform and a pure function of seed and ids, whatever the number of files that rows went through.
 */
export class ExternalShuffle {
  readonly #folder: string;
  readonly #seed: string;
  readonly #memoryBytes: number;
  readonly #sources: string[] = [];
  #root: Spread | undefined;
  #rows = 0;

  constructor({ folder, seed, memoryBytes = MEMORY_BYTES }: Shuffle) {
    this.#folder = folder;
    this.#seed = seed;
    this.#memoryBytes = memoryBytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** @throws BlissError DiskFull */
  async add(row: PackedRow): Promise<void> {
    this.#root ??= await openSpread(path.join(this.#folder, 'root'), 0);
    let source = this.#sources.indexOf(row.source);
    if (source < 0) source = this.#sources.push(row.source) - 1;
    const text = `${this.#seed}/${row.id}`;
    await this.#root.add(encode({ high: hash32(text, HIGH), low: hash32(text, LOW), source, id: row.id, documents: row.documents, tokens: row.tokens }));
    this.#rows++;
  }

  /** All rows in order; once. */
  async *rowsInOrder(): AsyncIterable<PackedRow> {
    if (this.#root === undefined) return;
    for (const file of await this.#root.close()) yield* this.#read(file, 1);
  }

  async *#read(file: SpillFile, depth: number): AsyncIterable<PackedRow> {
    if (file.bytes > this.#memoryBytes && depth * BUCKET_BITS < 32) {
      const spread = await openSpread(`${file.path}.d`, depth);
      for await (const record of records(file.path)) await spread.add(record);
      await rm(file.path);
      for (const part of await spread.close()) yield* this.#read(part, depth + 1);
      return;
    }
    const rows: SpilledRow[] = [];
    for await (const record of records(file.path)) rows.push(decode(record));
    await rm(file.path, { force: true });
    rows.sort((a, b) => a.high - b.high || a.low - b.low || (a.id < b.id ? -1 : 1));
    for (const { id, source, documents, tokens } of rows) yield { id, source: this.#sources[source], documents, tokens };
  }

  async remove(): Promise<void> {
    await this.#root?.close().catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const HIGH = 0x5bd1e995;
const LOW = 0x27d4eb2f;

interface SpilledRow {
  readonly high: number;
  readonly low: number;
  readonly source: number;
  readonly id: string;
  readonly documents: readonly string[];
  readonly tokens: Int32Array;
}

/** size, key high, key low, source, bytes of the id and of the documents' ids: uint32 each; id; documents' ids as JSON; tokens as int32 */
const HEADER = 24;

function encode({ high, low, source, id, documents, tokens }: SpilledRow): Buffer {
  const idBytes = Buffer.byteLength(id, 'utf8');
  const ids = Buffer.from(JSON.stringify(documents), 'utf8');
  const record = Buffer.allocUnsafe(HEADER + idBytes + ids.length + tokens.length * 4);
  record.writeUInt32LE(record.length, 0);
  record.writeUInt32LE(high, 4);
  record.writeUInt32LE(low, 8);
  record.writeUInt32LE(source, 12);
  record.writeUInt32LE(idBytes, 16);
  record.writeUInt32LE(ids.length, 20);
  record.write(id, HEADER, 'utf8');
  ids.copy(record, HEADER + idBytes);
  for (let i = 0, at = HEADER + idBytes + ids.length; i < tokens.length; i++, at += 4) record.writeInt32LE(tokens[i], at);
  return record;
}

function decode(record: Buffer): SpilledRow {
  const idEnd = HEADER + record.readUInt32LE(16);
  const start = idEnd + record.readUInt32LE(20);
  const tokens = new Int32Array((record.length - start) / 4);
  for (let i = 0; i < tokens.length; i++) tokens[i] = record.readInt32LE(start + i * 4);
  return { high: record.readUInt32LE(4), low: record.readUInt32LE(8), source: record.readUInt32LE(12), id: record.toString('utf8', HEADER, idEnd), documents: JSON.parse(record.toString('utf8', idEnd, start)) as string[], tokens };
}

interface SpillFile {
  readonly path: string;
  readonly bytes: number;
}

/** One level of buckets, by bits `depth · BUCKET_BITS` of the key's high word. */
interface Spread {
  add(record: Buffer): Promise<void>;
  close(): Promise<SpillFile[]>;
}

async function openSpread(folder: string, depth: number): Promise<Spread> {
  await mkdir(folder, { recursive: true });
  const buckets = Array.from({ length: BUCKETS }, (_, i) => ({ path: path.join(folder, String(i)), bytes: 0, pending: [] as Buffer[], pendingBytes: 0, handle: undefined as FileHandle | undefined }));
  const flush = async (bucket: (typeof buckets)[number]): Promise<void> => {
    if (bucket.pending.length === 0) return;
    const bytes = Buffer.concat(bucket.pending);
    bucket.pending = [];
    bucket.pendingBytes = 0;
    try {
      bucket.handle ??= await open(bucket.path, 'w');
      await bucket.handle.appendFile(bytes);
    } catch (error) {
      throw asBlissError(error, bucket.path);
    }
    bucket.bytes += bytes.length;
  };
  const shift = 32 - BUCKET_BITS * (depth + 1);
  return {
    add: async (record) => {
      const bucket = buckets[(record.readUInt32LE(4) >>> shift) & (BUCKETS - 1)];
      bucket.pending.push(record);
      bucket.pendingBytes += record.length;
      if (bucket.pendingBytes >= BUFFER_BYTES) await flush(bucket);
    },
    close: async () => {
      try {
        for (const bucket of buckets) await flush(bucket);
      } finally {
        for (const bucket of buckets) {
          await bucket.handle?.close();
          bucket.handle = undefined;
        }
      }
      return buckets.filter((bucket) => bucket.bytes > 0).map(({ path: file, bytes }) => ({ path: file, bytes }));
    },
  };
}

async function* records(file: string): AsyncIterable<Buffer> {
  const handle = await open(file, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.allocUnsafe(4 * BUFFER_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      let at = 0;
      while (rest.length - at >= 4 && rest.length - at >= rest.readUInt32LE(at)) {
        const size = rest.readUInt32LE(at);
        yield rest.subarray(at, at + size);
        at += size;
      }
      rest = rest.subarray(at);
    }
  } finally {
    await handle.close();
  }
}
