/** Two adjacent tokens → what they become, and when: the lowest rank merges first. */
export interface Merges {
  /** rank of the pair (left, right); undefined where it never merges */
  rank(left: number, right: number): number | undefined;
  /** id of the token that the merge of this rank makes */
  readonly result: Int32Array;
}

/** Ids stay far below this, so that a pair is one exact double. */
export const PAIR_BASE = 2 ** 24;
