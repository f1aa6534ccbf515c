/**
 * XXH64 with seed 0, as zstd's checksum has it.  @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 *
 * Lanes are kept as halves of 32 bits: several times as fast as bigint.
 */
export class Xxh64 {
  /** high and low half of each of four lanes */
  readonly #lanes = Uint32Array.of(...halves(P1 + P2), ...halves(P2), 0, 0, ...halves(-P1));
  readonly #rest = new Uint8Array(STRIPE);
  #held = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) {
      at = Math.min(STRIPE - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < STRIPE) return this;
      this.#stripes(this.#rest, 0, STRIPE);
      this.#held = 0;
    }
    const end = at + Math.floor((bytes.length - at) / STRIPE) * STRIPE;
    this.#stripes(bytes, at, end);
    this.#held = bytes.length - end;
    this.#rest.set(bytes.subarray(end));
    return this;
  }

  digest(): bigint {
    const lanes = Array.from({ length: 4 }, (_, i) => (BigInt(this.#lanes[2 * i]) << 32n) | BigInt(this.#lanes[2 * i + 1]));
    let hash = P5;
    if (this.#length >= STRIPE) {
      hash = wrap(lanes.reduce((sum, lane, i) => sum + rotate(lane, [1n, 7n, 12n, 18n][i]), 0n));
      for (const lane of lanes) hash = wrap((hash ^ round(lane)) * P1 + P4);
    }
    hash = wrap(hash + BigInt(this.#length));
    const rest = Buffer.from(this.#rest.buffer, 0, this.#held);
    let at = 0;
    for (; at + 8 <= rest.length; at += 8) hash = wrap(rotate(hash ^ round(rest.readBigUInt64LE(at)), 27n) * P1 + P4);
    if (at + 4 <= rest.length) {
      hash = wrap(rotate(hash ^ wrap(BigInt(rest.readUInt32LE(at)) * P1), 23n) * P2 + P3);
      at += 4;
    }
    for (; at < rest.length; at++) hash = wrap(rotate(hash ^ wrap(BigInt(rest[at]) * P5), 11n) * P1);
    hash = wrap((hash ^ (hash >> 33n)) * P2);
    hash = wrap((hash ^ (hash >> 29n)) * P3);
    return hash ^ (hash >> 32n);
  }

  #stripes(bytes: Uint8Array, from: number, end: number): void {
    const lanes = this.#lanes;
    for (let at = from; at < end; at += 8) {
      const lane = ((at - from) >> 2) & 6;
      const inLow = (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
      const inHigh = (bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)) >>> 0;
      // lane += input · P2
      const low = lanes[lane + 1] + (Math.imul(inLow, P2_LOW) >>> 0);
      const high = (lanes[lane] + highProduct(inLow, P2_LOW) + Math.imul(inHigh, P2_LOW) + Math.imul(inLow, P2_HIGH) + (low > 0xffffffff ? 1 : 0)) >>> 0;
      // rotated by 31
      const turnedHigh = ((high << 31) | (low >>> 1)) >>> 0;
      const turnedLow = (((low >>> 0) << 31) | (high >>> 1)) >>> 0;
      // lane · P1
      lanes[lane] = highProduct(turnedLow, P1_LOW) + Math.imul(turnedHigh, P1_LOW) + Math.imul(turnedLow, P1_HIGH);
      lanes[lane + 1] = Math.imul(turnedLow, P1_LOW);
    }
  }
}

const STRIPE = 32;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const [P1_HIGH, P1_LOW] = halves(P1);
const [P2_HIGH, P2_LOW] = halves(P2);

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)));
const round = (input: bigint): bigint => wrap(rotate(wrap(input * P2), 31n) * P1);

function halves(value: bigint): readonly [number, number] {
  const unsigned = BigInt.asUintN(64, value);
  return [Number(unsigned >> 32n), Number(unsigned & 0xffffffffn)];
}

/** the upper 32 bits of the product of two unsigned numbers of 32 bits */
function highProduct(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (other >>> 16)) >>> 0;
}
