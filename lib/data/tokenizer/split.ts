/**
 * GPT-2's split into words before BPE. `\s` is written `\p{White_Space}`: JavaScript's `\s` has U+FEFF and lacks U+0085,
 * the Rust tokenizers' is the other way round.
 */
export const splitPattern = (): RegExp =>
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
