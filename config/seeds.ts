import type { RunConfig } from './schema.js';

export interface ResolvedSeed {
  /** the seed of one repetition: initial weights, order, random selection */
  readonly seed: number;
  /** seed of the shuffle into groups: the same for all repetitions where the configuration fixes it */
  readonly shuffleSeed: number;
}

/** One entry for each repetition of the comparison. */
export const resolveSeeds = ({ seeds, data }: Pick<RunConfig, 'seeds' | 'data'>): readonly ResolvedSeed[] =>
  seeds.map((seed) => ({ seed, shuffleSeed: data.shuffleSeed === 'run' ? seed : data.shuffleSeed }));
