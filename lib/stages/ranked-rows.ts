/** Rows of a group whose ranking is watched (`bilevel.stopAt`): a correlation of 512 is known to ±0.04 where there is none, and much better near 1. */
export const RANKED_ROWS = 512;
