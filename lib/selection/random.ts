import { uniformOf } from './noise.js';
import type { RankingRule } from './types.js';

/** A uniform sample without replacement: whether a row is chosen depends on its id and the seed, not on its place. @see method §6.3 */
export const randomRule = ({ seed }: { readonly seed: string }): RankingRule => ({ name: 'random', needsScores: false, key: ({ id }) => uniformOf(seed, id) });
