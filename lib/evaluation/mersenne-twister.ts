const SIZE = 624;
const MIDDLE = 397;

/**
 * Python's `random.Random(seed)`: MT19937 seeded by an array of the seed's 32-bit words. The harness' bootstrap draws from it, so its standard
 * errors can be had to the last digit.
 * @see M. Matsumoto, T. Nishimura: Mersenne Twister, 1998, and its reference implementation mt19937ar.c
 */
export class MersenneTwister {
  readonly #state = new Int32Array(SIZE);
  /** tempered */
  readonly #words = new Int32Array(SIZE);
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
    if (this.#at >= SIZE) this.#refill(); // words are taken in pairs, and their number is even
    const at = this.#at;
    this.#at = at + 2;
    return ((this.#words[at] >>> 5) * 67_108_864 + (this.#words[at + 1] >>> 6)) / 9_007_199_254_740_992;
  }

  #refill(): void {
    const state = this.#state;
    const words = this.#words;
    for (let k = 0; k < SIZE; k++) {
      const next = k + 1 < SIZE ? k + 1 : 0;
      const other = k < SIZE - MIDDLE ? k + MIDDLE : k + MIDDLE - SIZE;
      const mixed = (state[k] & 0x8000_0000) | (state[next] & 0x7fff_ffff);
      state[k] = state[other] ^ (mixed >>> 1) ^ (-(mixed & 1) & 0x9908_b0df);
      let word = state[k];
      word ^= word >>> 11;
      word ^= (word << 7) & 0x9d2c_5680;
      word ^= (word << 15) & 0xefc6_0000;
      words[k] = word ^ (word >>> 18);
    }
    this.#at = 0;
  }
}
