import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import os from 'node:os';
import { sizeOf } from '../tensor/shapes.js';
import type { NamedArrays, Shapes } from '../tensor/types.js';
import { canonicalJson } from './canonical-json.js';

/**
 * Digests of canonical content: equal results give equal digests, whatever a file format's bytes say.
 * All are sha256 in hex, and none holds more than a chunk of what it digests.
 * @see docs/design.md "Principles"
 */
type Rows<T> = Iterable<T> | AsyncIterable<T>;
type TensorArray = Float32Array | Int32Array;

/** Elements looked at in one go: 256 KiB, so that a copy for NaNs or byte order stays in cache. */
const CHUNK = 65_536;
/** Bytes of small records gathered before one update of the hash. */
const GATHER = 65_536;
const CANONICAL_NAN = 0x7fc00000;
const LITTLE_ENDIAN = os.endianness() === 'LE';

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export async function sha256File(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

export const digestJson = (value: unknown): string => sha256(canonicalJson(value));

/**
 * Over tensors by sorted name: name, dtype, shape and little-endian bits; every NaN counts as the same.
 * @param shapes where absent, a tensor counts as flat
 */
export function digestTensors(arrays: NamedArrays, shapes: Shapes = {}): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(arrays).sort()) addTensor(hash, name, arrays[name], shapes[name]);
  return hash.digest('hex');
}

/** As `digestTensors`, holding one tensor at a time. */
export async function digestTensorStream({ names, read, shapes = {} }: {
  readonly names: Iterable<string>;
  readonly read: (name: string) => TensorArray | Promise<TensorArray>;
  readonly shapes?: Shapes;
}): Promise<string> {
  const hash = createHash('sha256');
  for (const name of [...names].sort()) addTensor(hash, name, await read(name), shapes[name]);
  return hash.digest('hex');
}

/** Over (id, float32) in the order given. A number is rounded to float32 first. */
export async function digestRows(rows: Rows<readonly [id: string, value: number]>): Promise<string> {
  const digest = new RecordDigest();
  for await (const [id, value] of rows) digest.row(id, value);
  return digest.hex();
}

/** Over texts in the order given; each is led by its length, so that ["ab"] and ["a", "b"] differ. */
export async function digestLines(lines: Rows<string>): Promise<string> {
  const digest = new RecordDigest();
  for await (const line of lines) digest.line(line);
  return digest.hex();
}

/** What `digestRows` and `digestLines` come to, of records told one by one: hundreds of millions, without a promise for each. */
export class RecordDigest {
  readonly #hash = createHash('sha256');
  #pending = Buffer.allocUnsafe(GATHER);
  #filled = 0;

  line(text: string): void {
    // three bytes a UTF-16 code unit at most
    this.#room(4 + 3 * text.length);
    const bytes = this.#pending.write(text, this.#filled + 4, 'utf8');
    this.#filled = this.#pending.writeUInt32LE(bytes, this.#filled) + bytes;
  }

  row(id: string, value: number): void {
    this.line(id);
    this.#room(4);
    this.#filled = Number.isNaN(value) ? this.#pending.writeUInt32LE(CANONICAL_NAN, this.#filled) : this.#pending.writeFloatLE(Math.fround(value), this.#filled);
  }

  hex(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #room(bytes: number): void {
    if (this.#filled + bytes <= this.#pending.length) return;
    this.#flush();
    if (bytes > this.#pending.length) this.#pending = Buffer.allocUnsafe(bytes);
  }

  #flush(): void {
    this.#hash.update(this.#pending.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

function addTensor(hash: Hash, name: string, array: TensorArray, shape: readonly number[] = [array.length]): void {
  const size = sizeOf(shape);
  if (size !== array.length) throw new RangeError(`tensor ${name}: shape [${shape.join(', ')}] wants ${size} elements, found ${array.length}`);
  const dtype = array instanceof Float32Array ? 'float32' : 'int32';
  hash.update(`${canonicalJson({ dtype, name, shape })}\n`);
  for (let start = 0; start < array.length; start += CHUNK) {
    const chunk = array.subarray(start, start + CHUNK);
    const plain = LITTLE_ENDIAN && !(chunk instanceof Float32Array && chunk.some(Number.isNaN));
    hash.update(plain ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : canonicalBytes(chunk));
  }
}

function canonicalBytes(chunk: TensorArray): Uint8Array {
  const bytes = Buffer.alloc(chunk.length * 4);
  for (let i = 0; i < chunk.length; i++) {
    if (chunk instanceof Int32Array) bytes.writeInt32LE(chunk[i], i * 4);
    else if (Number.isNaN(chunk[i])) bytes.writeUInt32LE(CANONICAL_NAN, i * 4);
    else bytes.writeFloatLE(chunk[i], i * 4);
  }
  return bytes;
}
