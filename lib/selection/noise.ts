import { randomStream } from '../random.js';

/** uniform in (0, 1) with 53 bits, a pure function of (seed, id): never 0 or 1, so that its logarithms are finite */
export function uniformOf(seed: string, id: string): number {
  const random = randomStream(seed, id);
  const high = Math.floor(random.uniform() * 2 ** 26);
  const low = Math.floor(random.uniform() * 2 ** 27);
  return (high * 2 ** 27 + low + 0.5) / 2 ** 53;
}
