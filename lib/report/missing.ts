import type { FailedStage } from '../stages/types.js';
import type { MissingEvaluation, ReportData } from './types.js';

/** A decay that failed leaves its round without an evaluation, too. */
export const missingEvaluations = (failed: readonly FailedStage[] = []): MissingEvaluation[] =>
  failed.flatMap(({ seed, arm, round, reason }) => (seed === null || arm === null || round === null ? [] : [{ seed, arm, round, reason }]));

/** Of two arms, what would have counted for a verdict after `round`. */
export const missingFor = ({ missing = [] }: Pick<ReportData, 'missing'>, arms: readonly string[], round: number): readonly MissingEvaluation[] => missing.filter((one) => arms.includes(one.arm) && one.round >= round);

/** `bliss after round 2 (seeds 0, 1)`, … */
export function missingText(missing: readonly MissingEvaluation[]): string {
  const places = new Map<string, number[]>();
  for (const { arm, round, seed } of missing) places.set(`${arm} after round ${round}`, [...(places.get(`${arm} after round ${round}`) ?? []), seed]);
  return [...places].map(([place, seeds]) => `${place} (seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')})`).join(', ');
}
