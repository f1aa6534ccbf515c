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
      return Int32Array.from({ length: n }, (_, i) => bytes.readInt32LE(i * 4));
    case 'F32':
      // a copy of its own: the buffer need not lie on a multiple of 4
      return new Float32Array(new Uint8Array(bytes).buffer);
    case 'F64':
      return Float32Array.from({ length: n }, (_, i) => bytes.readDoubleLE(i * 8));
    case 'F16':
      return Float32Array.from({ length: n }, (_, i) => half(bytes.readUInt16LE(i * 2)));
    case 'BF16': {
      // bfloat16 is the upper half of a float32
      const words = Uint32Array.from({ length: n }, (_, i) => bytes.readUInt16LE(i * 2) << 16);
      return new Float32Array(words.buffer);
    }
  }
}

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
