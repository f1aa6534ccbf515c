import type { RunConfig } from '../../config/schema.js';

/** Whose rows chance draws: those of the run's seed, or the same whatever the seed.  @see method §6.3 */
export const seedOfChance = ({ randomRows }: RunConfig['selection'], seed: number): string => (randomRows === 'fixed' ? 'fixed' : String(seed));
