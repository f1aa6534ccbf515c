import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { BlissError } from '../../errors.js';
import { isLfsPointer, lfsPointer } from '../../git-lfs.js';
import { BIN_WIDTH, type BinDtype } from './bin-dtype.js';
import { invalid } from './records.js';
import { indexFile, openTokenIndex } from './token-index.js';
import type { InputFile } from './files.js';

/** How a .bin file holds its ids. */
export interface BinLayout {
  readonly dtype: BinDtype;
  /** of the first id, in bytes */
  readonly start: number;
  readonly tokens: number;
  /** where documents end, in ids from the first, ascending; undefined: only end-of-text ids tell */
  readonly ends?: () => AsyncIterable<number> | Iterable<number>;
}

export interface OpenBin {
  readonly file: string;
  /** of files without a header */
  readonly dtype: 'uint16' | 'uint32';
}

const corrupt = (file: string, message: string, fix = 'copy the file again'): BlissError => new BlissError({ code: 'DataCorrupt', where: file, message, fix });

/** llm.c's files begin with one of these, and 1,024 bytes of header */
const LLM_C: Readonly<Record<number, BinDtype>> = { 20240520: 'uint16', 20240801: 'uint32' };
const LLM_C_HEADER = 1_024;
/** lit-gpt's PackedDatasetBuilder */
const PACKED = 'LITPKDS';
const PACKED_HEADER = 24;
const PACKED_DTYPES: Readonly<Record<number, BinDtype>> = { 4: 'int32', 5: 'int64', 8: 'uint16' };
/** torch's types by their number in litdata's index.json */
const LITDATA_DTYPES: Readonly<Record<string, BinDtype>> = { 15: 'int32', 16: 'int32', 17: 'int64', 18: 'int64', 20: 'uint16' };

/**
 * What a .bin file is: nanoGPT's flat ids, llm.c's with a header of 1,024 bytes, lit-gpt's packed chunks (`LITPKDS`), a chunk of litdata as
 * litgpt writes it (with `index.json` beside it), or Megatron's and GPT-NeoX's with an `.idx` of the same name beside it.
 *
 * @throws BlissError DataCorrupt: cut off; DataInvalid: a form that is not read, by name
 */
export async function openBin({ file, dtype }: OpenBin): Promise<{ readonly handle: FileHandle; readonly layout: BinLayout }> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw invalid(file, 'cannot be opened', 'check the path and its permissions', error);
  });
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, LLM_C_HEADER));
    await handle.read(head, 0, head.length, 0);
    if (isLfsPointer(head)) throw lfsPointer(file);
    return { handle, layout: await layoutOf({ file, size, head, handle, dtype }) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface LayoutOf extends OpenBin {
  readonly size: number;
  readonly head: Buffer;
  readonly handle: FileHandle;
}

async function layoutOf({ file, size, head, handle, dtype }: LayoutOf): Promise<BinLayout> {
  if (/\.(gz|zst)$/i.test(file)) throw invalid(file, 'a packed .bin is not read', 'unpack it');
  const index = await openTokenIndex(file, size);
  if (index !== undefined) {
    if (size % index.width !== 0) throw corrupt(file, `${size} bytes are no whole number of ${index.dtype} ids, which ${path.basename(index.file)} tells of`);
    return { dtype: index.dtype, start: 0, tokens: index.tokens, ends: index.ends };
  }
  if (head.subarray(0, PACKED.length).toString('latin1') === PACKED) return packed(file, size, head);
  const magic = head.length >= 12 ? head.readUInt32LE(0) : 0;
  if (magic in LLM_C && head.readUInt32LE(4) < 256) return llmC(file, size, head, LLM_C[magic]);
  if (isChunk(file)) return litdata({ file, size, handle });
  const width = BIN_WIDTH[dtype];
  if (size % width !== 0) throw corrupt(file, `${size} bytes are no whole number of ${dtype} ids`, 'set dtype to what its ids are, or copy the file again: it may be cut off');
  return { dtype, start: 0, tokens: size / width };
}

function packed(file: string, size: number, head: Buffer): BinLayout {
  if (size < PACKED_HEADER) throw corrupt(file, 'the header of its packed chunk (LITPKDS) is cut off');
  const version = head.readBigUInt64LE(7);
  const code = head.readUInt8(15);
  const tokens = Number(head.readBigUInt64LE(16));
  const dtype = PACKED_DTYPES[code] as BinDtype | undefined;
  if (version !== 1n || dtype === undefined) throw invalid(file, `this packed chunk (LITPKDS) is of version ${version} with ids of type ${code}; version 1 with uint16, int32 or int64 is read`, 'write it again in that form, or give its ids as Parquet');
  if (size !== PACKED_HEADER + tokens * BIN_WIDTH[dtype]) throw corrupt(file, `the header tells of ${tokens} ${dtype} ids, and ${size} bytes are not as many`);
  return { dtype, start: PACKED_HEADER, tokens };
}

function llmC(file: string, size: number, head: Buffer, dtype: BinDtype): BinLayout {
  const tokens = head.readUInt32LE(8);
  if (size !== LLM_C_HEADER + tokens * BIN_WIDTH[dtype]) throw corrupt(file, `the header (of llm.c's form) tells of ${tokens} ${dtype} ids, and ${size} bytes are not as many`);
  return { dtype, start: LLM_C_HEADER, tokens };
}

/** Number of items, where each begins and the last ends (uint32, bytes from the file's start), then the items' ids. */
async function litdata({ file, size, handle }: Pick<LayoutOf, 'file' | 'size' | 'handle'>): Promise<BinLayout> {
  const index = path.join(path.dirname(file), 'index.json');
  const text = await readFile(index, 'utf8').catch((error: unknown) => {
    throw invalid(file, 'a chunk of litdata is told by its name, and there is no index.json beside it', 'copy the whole folder, or rename the file if it is flat ids', error);
  });
  const { config, chunks } = indexOf(text, index);
  const [format] = config.data_format;
  const dtype = format.startsWith('no_header_tensor:') ? (LITDATA_DTYPES[format.slice('no_header_tensor:'.length)] as BinDtype | undefined) : undefined;
  const isTokens = chunks.some(({ filename, dim }) => filename === path.basename(file) && dim != null);
  if (dtype === undefined || !isTokens || config.data_format.length > 1) {
    throw invalid(index, `chunks of litdata are read where their items are tensors of token ids for its TokensLoader, not ${config.data_format.join(', ')}${isTokens ? '' : ' for another loader'}`, 'optimize the data set with item_loader=TokensLoader() and items of int32, int64 or uint16');
  }
  if (config.compression != null || config.encryption != null) throw invalid(index, 'compressed or encrypted chunks of litdata are not read', 'optimize the data set without');
  const count = Buffer.alloc(4);
  await handle.read(count, 0, 4, 0);
  const items = count.readUInt32LE(0);
  const start = 4 * (items + 2);
  const offsets = Buffer.alloc(Math.min(4 * (items + 1), Math.max(0, size - 4)));
  await handle.read(offsets, 0, offsets.length, 4);
  if (items === 0 || start > size || offsets.readUInt32LE(0) !== start || offsets.readUInt32LE(4 * items) !== size) throw corrupt(file, `its ${items} items do not end where the file of ${size} bytes does`);
  const width = BIN_WIDTH[dtype];
  return { dtype, start, tokens: (size - start) / width, ends: () => Array.from({ length: items }, (_, i) => (offsets.readUInt32LE(4 * (i + 1)) - start) / width) };
}

const indexSchema = z.object({
  chunks: z.array(z.object({ filename: z.string(), dim: z.number().nullish() })),
  config: z.object({ data_format: z.tuple([z.string()], z.string()), compression: z.unknown(), encryption: z.unknown() }),
});

function indexOf(text: string, index: string): z.infer<typeof indexSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (isLfsPointer(Buffer.from(text))) throw lfsPointer(index);
    throw corrupt(index, `no JSON (${String(error)})`);
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) throw invalid(index, 'this is not the index of litdata', 'copy the folder again, or rename the .bin files beside it if they are flat ids');
  return parsed.data;
}

/** The files, after each .bin the one beside it that says how it is to be read: what the ids are made of is decided there too. */
export async function withFilesBeside(files: readonly InputFile[]): Promise<InputFile[]> {
  const all: InputFile[] = [];
  const seen = new Set<string>();
  for (const file of files) {
    all.push(file);
    if (file.format !== 'bin') continue;
    const beside = isChunk(file.path) ? path.join(path.dirname(file.path), 'index.json') : indexFile(file.path);
    const isThere = beside !== file.path && (await stat(beside).catch(() => undefined))?.isFile() === true;
    if (isThere && !seen.has(beside)) all.push({ ...file, path: beside, name: path.join(path.dirname(file.name), path.basename(beside)) });
    seen.add(beside);
  }
  return all;
}

const isChunk = (file: string): boolean => /^chunk-\d+-\d+(\.\w+)?\.bin$/.test(path.basename(file));

/** Ids one after the other, in pieces; whatever the machine's byte order. int64 beyond 2^53 come rounded: far beyond any vocabulary. */
export async function* readIds(handle: FileHandle, { dtype, start, tokens }: BinLayout, pieceTokens = 1 << 17): AsyncIterable<Float64Array> {
  const width = BIN_WIDTH[dtype];
  for (let at = 0; at < tokens; at += pieceTokens) {
    const bytes = Buffer.alloc(Math.min(pieceTokens, tokens - at) * width);
    for (let read = 0; read < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, read, bytes.length - read, start + at * width + read);
      if (bytesRead === 0) throw new Error('the file became shorter while it was read');
      read += bytesRead;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const ids = new Float64Array(bytes.length / width);
    for (let i = 0; i < ids.length; i++) {
      if (dtype === 'uint16') ids[i] = view.getUint16(2 * i, true);
      else if (dtype === 'uint8') ids[i] = view.getUint8(i);
      else if (dtype === 'int8') ids[i] = view.getInt8(i);
      else if (dtype === 'int16') ids[i] = view.getInt16(2 * i, true);
      else if (dtype === 'uint32') ids[i] = view.getUint32(4 * i, true);
      else if (dtype === 'int32') ids[i] = view.getInt32(4 * i, true);
      else ids[i] = Number(view.getBigInt64(8 * i, true));
    }
    yield ids;
  }
}
