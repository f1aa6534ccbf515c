import type { HeldOutExample } from '../../data/types.js';

/** Held-out examples as int32 [n·T] and the mask of target tokens, float32 [n·T].  @see method §2 */
export function flattenHeldOut(examples: readonly HeldOutExample[], sequenceLength: number, targets: 'last-word' | 'all-tokens'): { readonly ids: Int32Array; readonly mask: Float32Array } {
  const ids = new Int32Array(examples.length * sequenceLength);
  const mask = new Float32Array(examples.length * sequenceLength);
  examples.forEach(({ tokens, length, targetStart }, i) => {
    ids.set(tokens, i * sequenceLength);
    // the token at position 0 has nothing that predicts it
    const first = targets === 'last-word' ? targetStart : 1;
    mask.fill(1, i * sequenceLength + first, i * sequenceLength + length);
  });
  return { ids, mask };
}
