import { plainStage, plainText } from './stage/index.js';

/*
 * Stages of a run that are one activity each; those by which arms learn are in arm/learning.ts.
 */

/** Corpus → tokenizer, packed rows in disjoint shard groups, held-out sets.  @see method §4 */
export const prepare = plainStage('prepare', ({ groups }) => `tokenise and pack into ${groups} shard groups`);

/** Weights of a Hugging Face folder, in the place of a warm-up.  @see method §4 */
export const importing = plainStage('importing', ({ which, folder }) => `take the ${which}'s weights from ${folder}`);

/** Keeps the best rows of a shard group, or a uniform sample.  @see method §4, step 4 */
export const selection = plainStage('selection', ({ ids, fraction, group, selector, method }) =>
  ids === undefined ? `keep ${(100 * fraction).toFixed(0)}% of group ${group} by ${selector === 'random' ? 'chance' : method}` : `take the rows whose ids are in ${plainText(ids.path)}`);
