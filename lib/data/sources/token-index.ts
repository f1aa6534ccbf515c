import { open, type FileHandle } from 'node:fs/promises';
import { BlissError } from '../../errors.js';
import { isLfsPointer, LFS_POINTER_BYTES, lfsPointer } from '../../git-lfs.js';
import { invalid } from './records.js';
import type { BinDtype } from './bin-dtype.js';

/** What Megatron's index says of the .bin beside it. */
export interface TokenIndex {
  /** the index itself */
  readonly file: string;
  readonly dtype: BinDtype;
  readonly width: number;
  /** ids in the .bin */
  readonly tokens: number;
  /** where documents end, in ids from the first, ascending. @throws BlissError DataCorrupt where sizes and places disagree */
  ends(): AsyncIterable<number>;
}

const MAGIC = 'MMIDIDX\0\0';
/** fairseq's and old Megatron's, of the implementations `lazy` and `cached` */
const LEGACY = 'TNTIDX\0\0';
const HEADER = 34;
const DTYPES: Readonly<Record<number, readonly [BinDtype, number]>> = { 1: ['uint8', 1], 2: ['int8', 1], 3: ['int16', 2], 4: ['int32', 4], 5: ['int64', 8], 8: ['uint16', 2] };
/** entries read at a time */
const PIECE = 1 << 15;

const corrupt = (file: string, message: string): BlissError => new BlissError({ code: 'DataCorrupt', where: file, message, fix: 'copy the .idx and the .bin again, as one pair' });

/** Of `corpus.bin` the `corpus.idx` beside it. */
export const indexFile = (bin: string): string => bin.replace(/\.bin$/i, '.idx');

/**
 * The index beside a .bin as Megatron-LM and GPT-NeoX write it (`MMIDIDX`): sizes and places of sequences, and which sequences make a document.
 * undefined: there is none. Memory does not grow with it.
 *
 * @throws BlissError DataCorrupt: cut off, or of another .bin; DataInvalid: an index that is not read, by name
 */
export async function openTokenIndex(bin: string, binBytes: number): Promise<TokenIndex | undefined> {
  const file = indexFile(bin);
  if (file === bin) return undefined;
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw invalid(file, 'the index beside the .bin cannot be opened', 'check its permissions', error);
  });
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, LFS_POINTER_BYTES));
    await handle.read(head, 0, head.length, 0);
    if (isLfsPointer(head)) throw lfsPointer(file);
    const magic = head.toString('latin1', 0, MAGIC.length);
    if (magic.startsWith(LEGACY)) throw invalid(file, 'this index is of fairseq’s old form (TNTIDX), which is not read', 'write the pair again as mmap (--dataset-impl mmap), or give its ids as Parquet');
    if (magic !== MAGIC) throw invalid(file, 'this index beside a .bin is not Megatron’s (it does not begin with MMIDIDX)', 'give the ids as Parquet, or move the .idx away if it has nothing to do with the .bin');
    if (size < HEADER) throw corrupt(file, 'the header of the index is cut off');
    const version = head.readBigUInt64LE(9);
    const code = head.readUInt8(17);
    if (version !== 1n) throw invalid(file, `the index is of version ${version}; version 1 is read`, 'write it again in that version, or give its ids as Parquet');
    if (!(code in DTYPES)) throw invalid(file, `the index tells of ids of type ${code}${code === 6 || code === 7 ? ', floats' : ''}; integers of up to 64 bits are read`, 'write it again with --dataset-impl mmap and integers, or give its ids as Parquet');
    const [dtype, width] = DTYPES[code];
    const sequences = Number(head.readBigUInt64LE(18));
    const documents = Number(head.readBigUInt64LE(26));
    const places = { sizes: HEADER, pointers: HEADER + 4 * sequences, documents: HEADER + 12 * sequences };
    const end = places.documents + 8 * documents;
    // of several kinds of tokens a byte for each sequence follows
    if (size !== end && size !== end + sequences) throw corrupt(file, `the index tells of ${sequences} sequences and ${documents - 1} documents, and ${size} bytes are not as many`);
    if (sequences > 0) {
      const last = Buffer.alloc(12);
      await handle.read(last, 0, 4, places.pointers - 4);
      await handle.read(last, 4, 8, places.documents - 8);
      const bytes = Number(last.readBigInt64LE(4)) + last.readInt32LE(0) * width;
      if (bytes !== binBytes) throw corrupt(file, `its last sequence ends at byte ${bytes}, the .bin beside it at ${binBytes}`);
    }
    const ends = () => documentEnds({ file, width, sequences, documents, places, binBytes });
    return { file, dtype, width, tokens: binBytes / width, ends };
  } finally {
    await handle.close();
  }
}

interface DocumentEnds {
  readonly file: string;
  readonly width: number;
  readonly sequences: number;
  readonly documents: number;
  readonly places: { readonly sizes: number; readonly pointers: number; readonly documents: number };
  readonly binBytes: number;
}

async function* documentEnds({ file, width, sequences, documents, places, binBytes }: DocumentEnds): AsyncIterable<number> {
  const handle = await open(file, 'r');
  try {
    const sizes = int32s(handle, places.sizes, sequences);
    const pointers = int64s(handle, places.pointers, sequences);
    let sequence = 0;
    let tokens = 0;
    let at = -1;
    for await (const until of int64s(handle, places.documents, documents)) {
      if (at < 0 ? until !== 0 : until < at || until > sequences) throw corrupt(file, `its documents end at sequence ${until} after ${Math.max(at, 0)}`);
      at = until;
      for (; sequence < until; sequence++) {
        const { value: size } = await sizes.next();
        const { value: pointer } = await pointers.next();
        if (size === undefined || pointer !== tokens * width || size < 0) throw corrupt(file, `sequence ${sequence} does not begin where the one before ends`);
        tokens += size;
      }
      if (until > 0) yield tokens;
    }
    if (sequence !== sequences || tokens * width !== binBytes) throw corrupt(file, `its ${sequence === sequences ? sequences : `first ${sequence}`} sequences have ${tokens * width} bytes, the .bin beside it has ${binBytes}`);
  } finally {
    await handle.close();
  }
}

async function* int32s(handle: FileHandle, start: number, count: number): AsyncGenerator<number, undefined> {
  for await (const bytes of entries(handle, start, count, 4)) for (let i = 0; i < bytes.length; i += 4) yield bytes.readInt32LE(i);
  return undefined;
}

async function* int64s(handle: FileHandle, start: number, count: number): AsyncGenerator<number, undefined> {
  for await (const bytes of entries(handle, start, count, 8)) for (let i = 0; i < bytes.length; i += 8) yield Number(bytes.readBigInt64LE(i));
  return undefined;
}

async function* entries(handle: FileHandle, start: number, count: number, width: number): AsyncIterable<Buffer> {
  for (let at = 0; at < count; at += PIECE) {
    const bytes = Buffer.alloc(Math.min(PIECE, count - at) * width);
    for (let read = 0; read < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, read, bytes.length - read, start + at * width + read);
      if (bytesRead === 0) throw new Error('the index became shorter while it was read');
      read += bytesRead;
    }
    yield bytes;
  }
}
