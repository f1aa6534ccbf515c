import { BlissError } from '../errors.js';

/** What a regression learns in place of influences: as many standard deviations above the mean. */
export interface InfluenceTargets {
  /** of the influences that are learnt from, nats a token */
  readonly mean: number;
  /** their deviation, with n in the denominator */
  readonly deviation: number;
  of(influence: number): number;
}

/**
 * (influence − mean) / deviation, both of the influences that are learnt from: those that are held out stay unknown.
 * @throws BlissError DataInvalid where all are equal
 */
export function influenceTargets(influences: readonly number[]): InfluenceTargets {
  const mean = influences.reduce((sum, value) => sum + value, 0) / influences.length;
  const deviation = Math.sqrt(influences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / influences.length);
  if (!(deviation > 0)) {
    throw new BlissError({ code: 'DataInvalid', message: `all ${influences.length} probed rows have the same influence`, where: 'mates.probeLearningRate', fix: 'raise it: steps this small change no validation loss in float32' });
  }
  return { mean, deviation, of: (influence) => (influence - mean) / deviation };
}
