import { Decompress } from 'fzstd';
import { BlissError } from '../../errors.js';
import { ByteReader } from './byte-reader.js';
import { invalid } from './invalid.js';
import { Xxh64 } from './xxh64.js';

const FRAME = 0xfd2fb528;
/** 0x184D2A50 to 0x184D2A5F: frames that hold no data */
const SKIPPABLE = 0x184d2a50;
/** what the unpacker takes; zstd's own names of larger ones are --long=31 and above */
const LARGEST_WINDOW = 2_145_386_496;
const BLOCK = { raw: 0, repeated: 1, compressed: 2, reserved: 3 } as const;

/**
 * Frames of zstd one after the other, unpacked. Length and checksum of each, where it has them, are held against what came out: the unpacker itself asks
 * for neither, nor has Node 20 one of its own.  @see RFC 8878
 *
 * @throws BlissError DataCorrupt: cut off, damaged; DataInvalid: a window too large, a dictionary
 */
export async function* unzstd(input: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
  const reader = new ByteReader(input);
  const take = async (bytes: number): Promise<Buffer> => {
    const taken = await reader.take(bytes);
    if (taken.length < bytes) throw corrupt(file, 'ends early: the file is cut off');
    return taken;
  };
  while (!(await reader.isAtEnd())) {
    const magic = await take(4);
    if (((magic.readUInt32LE() & ~0xf) >>> 0) === SKIPPABLE) {
      for (let left = (await take(4)).readUInt32LE(); left > 0; ) left -= (await take(Math.min(left, 1 << 16))).length;
    } else if (magic.readUInt32LE() === FRAME) yield* frame(magic, take, file);
    else throw corrupt(file, 'has something else after its frames');
  }
}

type Take = (bytes: number) => Promise<Buffer>;

async function* frame(magic: Buffer, take: Take, file: string): AsyncIterable<Uint8Array> {
  const header = await readHeader(magic, take, file);
  const hash = header.hasChecksum ? new Xxh64() : undefined;
  let out: Uint8Array[] = [];
  let length = 0;
  const unpacker = new Decompress((bytes) => {
    if (bytes.length === 0) return;
    out.push(bytes);
    length += bytes.length;
    hash?.update(bytes);
  });
  const push = (bytes: Uint8Array, isLast = false): Uint8Array[] => {
    try {
      unpacker.push(bytes, isLast);
    } catch (error) {
      throw corrupt(file, `is broken (${error instanceof Error ? error.message : String(error)})`, error);
    }
    const done = out;
    out = [];
    return done;
  };
  yield* push(header.bytes);
  for (let isLast = false; !isLast; ) {
    const head = await take(3);
    const bits = head.readUIntLE(0, 3);
    isLast = (bits & 1) === 1;
    const type = (bits >>> 1) & 3;
    if (type === BLOCK.reserved) throw corrupt(file, 'is broken (a block of no known type)');
    yield* push(Buffer.concat([head, await take(type === BLOCK.repeated ? 1 : bits >>> 3)]));
  }
  const checksum = hash === undefined ? Buffer.alloc(0) : await take(4);
  yield* push(checksum);
  yield* push(new Uint8Array(0), true);
  if (header.content !== undefined && header.content !== length) throw corrupt(file, `is damaged: a frame says that it holds ${header.content} bytes, and holds ${length}`);
  if (hash !== undefined && Number(hash.digest() & 0xffffffffn) !== checksum.readUInt32LE()) throw corrupt(file, 'is damaged: its checksum is of other bytes');
}

interface Header {
  readonly bytes: Buffer;
  readonly hasChecksum: boolean;
  /** bytes that the frame says it holds, where it does */
  readonly content: number | undefined;
}

async function readHeader(magic: Buffer, take: Take, file: string): Promise<Header> {
  const descriptor = await take(1);
  const [flags] = descriptor;
  const isSingle = (flags & 0x20) !== 0;
  const window = await take(isSingle ? 0 : 1);
  const dictionary = await take([0, 1, 2, 4][flags & 3]);
  const sized = await take([isSingle ? 1 : 0, 2, 4, 8][flags >>> 6]);
  const content = sized.length === 0 ? undefined : sized.length === 8 ? Number(sized.readBigUInt64LE()) : sized.readUIntLE(0, sized.length) + (sized.length === 2 ? 256 : 0);
  if (dictionary.some((byte) => byte !== 0)) throw invalid(file, 'it is packed by zstd with a dictionary', 'pack it without one: unpack it by `zstd -D DICTIONARY -d`, and pack it again');
  const base = 2 ** (10 + ((window[0] ?? 0) >>> 3));
  const needed = isSingle ? (content ?? 0) : base + (base / 8) * ((window[0] ?? 0) & 7);
  if (needed > LARGEST_WINDOW) throw invalid(file, `it is packed by zstd with a window of ${Math.round(needed / 2 ** 20)} MiB (--long=31), and memory would have to hold as much`, 'pack it again without --long=31: zstd -d --long=31 -c FILE | zstd -o NEW');
  return { bytes: Buffer.concat([magic, descriptor, window, dictionary, sized]), hasChecksum: (flags & 4) !== 0, content };
}

const corrupt = (file: string, message: string, cause?: unknown): BlissError => new BlissError({ code: 'DataCorrupt', where: file, message: `the zstd stream ${message}`, fix: 'copy or download the file again', cause });
