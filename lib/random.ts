/**
 * Counter-based randomness: every stream is a pure function of its key, so that order and initial weights
 * never depend on an iterator's state. Keys are joined with '/', e.g. `randomStream(seed, 'init', name)`.
 */
export interface RandomStream {
  /** uniform in [0, 1), 32 bits */
  uniform(): number;
  /** standard normal, by Box-Muller */
  normal(): number;
  /** uniform integer in [0, n) */
  below(n: number): number;
}

/** FNV-1a over UTF-16 code units, then an avalanche: 32 well-mixed bits of a key. */
export function hash32(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return mix32(h);
}

/** An avalanche: every bit of the result hangs on every bit of x. */
export function mix32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** sfc32 seeded by two hashes of the key; period about 2^127, passes PractRand. */
export function randomStream(...key: readonly (string | number)[]): RandomStream {
  const text = key.join('/');
  let a = hash32(text, 0x9e3779b9);
  let b = hash32(text, 0x243f6a88);
  let c = hash32(text, 0xb7e15162);
  let d = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const uniform = (): number => next() / 4294967296;
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    below: (n) => Math.floor(uniform() * n),
  };
}

/** Fisher-Yates permutation of 0 … n−1, a pure function of the key. */
export function permutation(n: number, ...key: readonly (string | number)[]): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const random = randomStream(...key);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  return order;
}
