/** The rows a selector chooses from; arrays of equal length, one entry a row. */
export interface Candidates {
  readonly ids: readonly string[];
  /** logits before the sigmoid, float32 [n]; selectors that learn nothing don't read them */
  readonly logits?: Float32Array;
  /** 1 where a row must not be chosen, [n] */
  readonly excluded?: Uint8Array;
}

export interface Select {
  readonly candidates: Candidates;
  /** rows wanted; where fewer may be chosen, all of those are */
  readonly count: number;
}

/** A rule that keeps the best rows. A pure function of ids, logits and its seed; the order rows come in changes nothing. */
export interface Selector {
  readonly name: 'top-k' | 'top-k-float16' | 'gumbel-top-k' | 'middle' | 'random';
  /** indices of the chosen rows, best first; equal keys by id ascending. @throws BlissError DataInvalid where a logit is missing or no number */
  select(params: Select): Uint32Array;
}
