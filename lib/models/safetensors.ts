import { open, type FileHandle } from 'node:fs/promises';
import { BlissError } from '../errors.js';
import { refuseLfsPointer } from '../git-lfs.js';
import { isRecord } from '../is-record.js';
import type { NamedArrays, Shape, Shapes } from '../tensor/index.js';
import { sizeOf } from '../tensor/shapes.js';
import { decode, elementSize, isStoredType } from './stored-types.js';

/** the reference reader refuses more; a header of 25 MB would describe about 200,000 tensors */
const MAX_HEADER_BYTES = 25_000_000;
/** most that one read asks for: the system's calls take no more than 2 GiB */
const MAX_READ_BYTES = 2 ** 30;
/** the length of the header, little-endian */
const LENGTH_BYTES = 8;

export interface Safetensors {
  readonly arrays: NamedArrays;
  readonly shapes: Shapes;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredTensor {
  readonly shape: Shape;
  /** `F32`, or one that is not read here: the tensor may be none that anybody wants */
  readonly type: string;
  /** bytes from the end of the header */
  readonly begin: number;
  readonly end: number;
}

/** An open file: the header is in memory, tensors are read one by one. */
export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** one tensor by positioned reads; half precision and float64 come as float32. @throws BlissError ArtifactMissing; DataCorrupt also for a type that is not read here */
  read(name: string): Promise<Float32Array | Int32Array>;
  close(): Promise<void>;
}

export interface SafetensorsInput {
  readonly arrays: NamedArrays;
  readonly shapes: Shapes;
  /** beside `format: pt`, which tells transformers the layout */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Writes float32 and int32 arrays in the order given. Equal content gives equal bytes. Not atomic: write beside and rename. */
export async function writeSafetensors({ path, ...input }: SafetensorsInput & { readonly path: string }): Promise<void> {
  const pieces = safetensorsPieces(input);
  const file = await open(path, 'w');
  try {
    for (const piece of pieces) await file.writeFile(piece);
  } finally {
    await file.close();
  }
}

/** The bytes of such a file, one piece after the other: its beginning, then the tensors in the order given, in the very memory of their arrays. */
export function safetensorsPieces({ arrays, shapes, metadata = {} }: SafetensorsInput): readonly Uint8Array[] {
  const tensors = Object.entries(arrays).map(([name, array]): DescribedTensor => {
    const shape = shapes[name] as Shape | undefined;
    if (shape === undefined) throw new TypeError(`${name}: ${array.length} values for no shape`);
    checkLength(name, shape, array);
    return { name, shape, type: array instanceof Int32Array ? 'I32' : 'F32' };
  });
  return [beginning(tensors, metadata).start, ...Object.values(arrays).map(bytesOf)];
}

interface DescribedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly type: 'F32' | 'I32';
}

export interface WriteTensors {
  readonly path: string;
  readonly tensors: readonly DescribedTensor[];
  /** called once a tensor, in their order, so that one at a time is held */
  readonly read: (name: string) => Float32Array | Int32Array | Promise<Float32Array | Int32Array>;
  /** beside `format: pt`, which tells transformers the layout */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The same of tensors that come one by one. Not atomic.
 * @returns bytes of the tensors
 */
export async function writeTensors({ path, tensors, read, metadata = {} }: WriteTensors): Promise<number> {
  const { start, size } = beginning(tensors, metadata);
  const file = await open(path, 'w');
  try {
    await file.writeFile(start);
    for (const { name, shape } of tensors) {
      const array = await read(name);
      checkLength(name, shape, array);
      await file.writeFile(bytesOf(array));
    }
  } finally {
    await file.close();
  }
  return size;
}

/** 8 bytes of header length and the header in JSON, padded with spaces to a multiple of 8 bytes; and how many bytes the tensors have. */
function beginning(tensors: readonly DescribedTensor[], metadata: Readonly<Record<string, string>>): { readonly start: Buffer; readonly size: number } {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let size = 0;
  for (const { name, shape, type } of tensors) header[name] = { dtype: type, shape, data_offsets: [size, (size += sizeOf(shape) * elementSize(type))] };
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(LENGTH_BYTES + Math.ceil(json.length / 8) * 8, ' ');
  start.writeBigUInt64LE(BigInt(start.length - LENGTH_BYTES));
  json.copy(start, LENGTH_BYTES);
  return { start, size };
}

const bytesOf = (array: Float32Array | Int32Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function checkLength(name: string, shape: Shape, array: ArrayLike<number>): void {
  if (sizeOf(shape) !== array.length) throw new TypeError(`${name}: ${array.length} values for [${shape.join(', ')}]`);
}

/** @throws BlissError DataCorrupt where the header or the file's length is wrong; DataInvalid where the file was not fetched */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r');
  try {
    const { tensors, metadata, start } = await readHeader(file, path);
    return {
      tensors,
      metadata,
      close: () => file.close(),
      read: async (name) => {
        if (!Object.hasOwn(tensors, name)) throw new BlissError({ code: 'ArtifactMissing', where: path, message: `there is no tensor ${name}` });
        const { begin, end, type } = tensors[name];
        if (!isStoredType(type)) throw corrupt(path, `${name} is stored as ${type}, which is not read here`);
        return decode(await readExactly(file, path, start + begin, end - begin), type);
      },
    };
  } catch (error) {
    await file.close();
    await refuseLfsPointer(path);
    throw error;
  }
}

/** The whole file, in its own order. @throws BlissError DataCorrupt */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const file = await openSafetensors(path);
  try {
    const arrays: Record<string, Float32Array | Int32Array> = {};
    const shapes: Record<string, Shape> = {};
    for (const [name, { shape }] of Object.entries(file.tensors)) {
      arrays[name] = await file.read(name);
      shapes[name] = shape;
    }
    return { arrays, shapes, metadata: file.metadata };
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<{ tensors: Record<string, StoredTensor>; metadata: Record<string, string>; start: number }> {
  const length = Number((await readExactly(file, path, 0, LENGTH_BYTES)).readBigUInt64LE());
  if (length > MAX_HEADER_BYTES) throw corrupt(path, `its header claims ${length} bytes`);
  const text = (await readExactly(file, path, LENGTH_BYTES, length)).toString('utf8');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, 'its header is not JSON', cause);
  }
  if (!isRecord(header)) throw corrupt(path, 'its header is not an object');
  const tensors: Record<string, StoredTensor> = {};
  let metadata: Record<string, string> = {};
  const start = LENGTH_BYTES + length;
  const { size } = await file.stat();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (isRecord(entry)) metadata = Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, String(value)]));
      continue;
    }
    tensors[name] = storedTensor(path, name, entry, size - start);
  }
  return { tensors, metadata, start };
}

function storedTensor(path: string, name: string, entry: unknown, available: number): StoredTensor {
  if (!isRecord(entry) || !isIntegers(entry['shape']) || !isIntegers(entry['data_offsets'])) throw corrupt(path, `the header's entry for ${name} is malformed`);
  const { dtype: type, shape, data_offsets: offsets } = { ...entry, shape: entry['shape'], data_offsets: entry['data_offsets'], dtype: entry['dtype'] };
  if (typeof type !== 'string') throw corrupt(path, `the header's entry for ${name} is malformed`);
  const [begin, end] = offsets;
  const fits = !isStoredType(type) || end - begin === sizeOf(shape) * elementSize(type);
  if (offsets.length !== 2 || begin > end || !fits || end > available) {
    throw corrupt(path, `${name} [${shape.join(', ')}] does not fit its place in the file`);
  }
  return { type, shape, begin, end };
}

async function readExactly(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, Math.min(length - done, MAX_READ_BYTES), position + done);
    if (bytesRead === 0) throw corrupt(path, `it ends ${length - done} bytes early`);
    done += bytesRead;
  }
  return buffer;
}

const corrupt = (where: string, message: string, cause?: unknown): BlissError =>
  new BlissError({ code: 'DataCorrupt', where, message: `not a sound safetensors file: ${message}`, fix: 'copy or download it again', cause });

const isIntegers = (value: unknown): value is number[] => Array.isArray(value) && value.every((x) => Number.isSafeInteger(x) && x >= 0);
