/** Number formats of safetensors files that are read here. Pythia's checkpoints are F16. */
const ELEMENT_SIZES = { F64: 8, F32: 4, F16: 2, BF16: 2, I32: 4 } as const;
export type StoredType = keyof typeof ELEMENT_SIZES;

export const isStoredType = (type: unknown): type is StoredType => typeof type === 'string' && Object.hasOwn(ELEMENT_SIZES, type);

/** bytes an element */
export const elementSize = (type: StoredType): number => ELEMENT_SIZES[type];

/** @param bytes little-endian @returns int32 for I32, float32 (rounded for F64, exact for the halves) for the others */
export function decode(bytes: Buffer, type: StoredType): Float32Array | Int32Array {
  const n = bytes.length / elementSize(type);
  switch (type) {
    case 'I32':
      return new Int32Array(aligned(bytes));
    case 'F32':
      return new Float32Array(aligned(bytes));
    case 'F64':
      return new Float32Array(new Float64Array(aligned(bytes)));
    case 'F16': {
      const words = new Uint16Array(aligned(bytes));
      const values = new Float32Array(n);
      // a table look-up: hundreds of millions of elements are an ordinary model
      const table = halves();
      for (let i = 0; i < n; i++) values[i] = table[words[i]];
      return values;
    }
    case 'BF16': {
      // bfloat16 is the upper half of a float32
      const words = new Uint16Array(aligned(bytes));
      const wide = new Uint32Array(n);
      for (let i = 0; i < n; i++) wide[i] = words[i] << 16;
      return new Float32Array(wide.buffer);
    }
  }
}

/** A buffer of its own where this one does not begin at a multiple of 8 bytes of its memory. */
function aligned({ buffer, byteOffset, length }: Buffer): ArrayBuffer {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === length) return buffer;
  return new Uint8Array(buffer, byteOffset, length).slice().buffer;
}

let table: Float32Array | undefined;
/** every binary16 as float32 */
const halves = (): Float32Array => (table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => half(bits)));

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
