/** Deviations beyond which a value counts as this far: a few odd rows shall not decide what a weight is worth. */
const MOST = 3;

/** Deviations from the mean, at most 3 either way; 0 where all values are equal. Of these a feature and its square, centred: (φ² − 1)/√2, by which the middle can be preferred. @see method §1 */
export function standardised(values: Float32Array): { readonly value: Float32Array; readonly square: Float32Array } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const value = values.map((one) => (deviation === 0 ? 0 : Math.max(-MOST, Math.min(MOST, (one - mean) / deviation))));
  return { value, square: value.map((one) => (deviation === 0 ? 0 : (one ** 2 - 1) / Math.SQRT2)) };
}
