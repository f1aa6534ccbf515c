const SIZE = 624;
const MIDDLE = 397;

/**
 * Python's `random.Random(seed)`: MT19937 seeded by an array of the seed's 32-bit words. The harness' bootstrap draws from it, so its standard
 * errors can be had to the last digit.
 * @see M. Matsumoto, T. Nishimura: Mersenne Twister, 1998, and its reference implementation mt19937ar.c
 */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  /** @param seed a natural number below 2^32 */
  constructor(seed: number) {
    const state = this.#state;
    state[0] = 19_650_218;
    for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1_812_433_253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    let i = 1;
    const next = (): void => {
      i++;
      if (i >= SIZE) {
        state[0] = state[SIZE - 1];
        i = 1;
      }
    };
    for (let k = 0; k < SIZE; k++) {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1_664_525)) + seed;
      next();
    }
    for (let k = 1; k < SIZE; k++) {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), 1_566_083_941)) - i;
      next();
    }
    state[0] = 0x8000_0000;
  }

  /** `random()`: 53 bits, uniform in [0, 1) */
  uniform(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  #word(): number {
    if (this.#at >= SIZE) this.#refill();
    let word = this.#state[this.#at++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #refill(): void {
    const state = this.#state;
    for (let k = 0; k < SIZE; k++) {
      const word = (state[k] & 0x8000_0000) | (state[(k + 1) % SIZE] & 0x7fff_ffff);
      state[k] = state[(k + MIDDLE) % SIZE] ^ (word >>> 1) ^ (word & 1 ? 0x9908_b0df : 0);
    }
    this.#at = 0;
  }
}
