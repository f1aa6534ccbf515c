import { missingFor, missingText } from './missing.js';
import { loss, mean, standardError, unique } from './numbers.js';
import type { EvaluationPoint, ReportData } from './types.js';

/** Does one arm beat the other on held-out text? */
export interface Verdict {
  readonly outcome: 'wins' | 'loses' | 'undecided' | 'none';
  /** one sentence that holds by itself */
  readonly headline: string;
  readonly detail: string;
  readonly arm: string;
  readonly against: string;
  readonly round?: number;
  readonly set?: 'test' | 'tuning';
  /** loss of `against` minus loss of `arm`, nats a token, mean over seeds: positive is better */
  readonly difference?: number;
  /** over seeds; of the evaluation where there is one seed */
  readonly standardError?: number;
  readonly interval?: readonly [low: number, high: number];
  readonly seeds: readonly { readonly seed: number; readonly difference: number; readonly arm: EvaluationPoint; readonly against: EvaluationPoint }[];
}

/** Two-sided 95% points of Student's t for 1 … 30 degrees of freedom, then the normal's. */
const T_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];
const NORMAL_95 = 1.96;

export function verdictOf(data: Pick<ReportData, 'arms' | 'metrics' | 'verdict' | 'missing'>): Verdict {
  const arm = data.verdict?.arm ?? data.arms.find(({ selector }) => selector === 'bliss')?.name;
  const against = data.verdict?.against ?? data.arms.find(({ selector }) => selector === 'random')?.name;
  if (arm === undefined || against === undefined) {
    return { outcome: 'none', arm: arm ?? '', against: against ?? '', seeds: [], headline: 'No verdict: the run compares no two arms', detail: 'A verdict needs an arm with selector bliss and one with selector random.' };
  }
  const set = data.metrics.some((point) => point.set === 'test') ? 'test' : 'tuning';
  const pairs = pairsOf(data.metrics.filter((point) => point.set === set), arm, against);
  const round = Math.max(...pairs.map((pair) => pair.arm.round));
  const seeds = pairs.filter((pair) => pair.arm.round === round);
  if (seeds.length === 0) {
    const missing = missingFor(data, [arm, against], 1);
    const why = missing.length === 0 ? '' : ` Failed have the evaluations of ${missingText(missing)}.`;
    return { outcome: 'none', arm, against, seeds, headline: `No verdict: ${arm} and ${against} were not both evaluated`, detail: `Both arms need an evaluation after the same round with the same seed.${why}` };
  }
  const missing = missingFor(data, [arm, against], round);
  const later = missing.some((one) => one.round > round);
  const differences = seeds.map(({ difference }) => difference);
  const difference = mean(differences);
  const overSeeds = standardError(differences);
  const paired = against === data.arms.find(({ selector }) => selector === 'random')?.name ? seeds[0].arm.pairedStandardError : undefined;
  const error = overSeeds ?? paired ?? Math.hypot(seeds[0].arm.lossStandardError, seeds[0].against.lossStandardError);
  const reach = error * (overSeeds === undefined ? NORMAL_95 : (T_95[differences.length - 2] ?? NORMAL_95));
  const interval = [difference - reach, difference + reach] as const;
  const outcome = !Number.isFinite(difference) ? 'none' : interval[0] > 0 ? 'wins' : interval[1] < 0 ? 'loses' : 'undecided';
  const where = `on the ${set} set`;
  const headline = `${{
    wins: `${arm} beats ${against} ${where}`,
    loses: `${arm} does NOT beat ${against} ${where}: it is worse`,
    undecided: `${arm} does NOT beat ${against} ${where}: the difference is within the error`,
    none: `No verdict: a loss ${where} is not a number`,
  }[outcome]}${later ? `, after round ${round}: evaluations of later rounds are missing` : ''}`;
  const better = differences.filter((one) => one > 0).length;
  const spread = overSeeds === undefined
    ? `standard error of the ${paired === undefined ? 'evaluation' : 'difference, passage by passage'}; one seed says nothing about the spread over seeds`
    : `mean and standard error over ${seeds.length} seeds; lower with ${better} of ${seeds.length}`;
  const detail =
    `After round ${round} the loss of ${arm} is ${loss(Math.abs(difference))} ± ${loss(error)} nats a token ${difference < 0 ? 'higher' : 'lower'} than that of ${against} (${spread}). ` +
    `95% interval of the gain: ${loss(interval[0])} to ${loss(interval[1])}.` +
    (missing.length === 0 ? '' : ` It stands without the evaluations of ${missingText(missing)}, which failed.`) +
    (set === 'tuning' ? ' There is no evaluation on the test set: settings may have been chosen on these very passages.' : '');
  return { outcome, headline, detail, arm, against, round, set, difference, standardError: error, interval, seeds };
}

/** For each seed and round, both arms' points. */
function pairsOf(points: readonly EvaluationPoint[], arm: string, against: string): Verdict['seeds'] {
  return unique(points.map(({ seed }) => seed)).flatMap((seed) => {
    const mine = points.filter((point) => point.seed === seed && point.arm === arm);
    return mine.flatMap((point) => {
      const other = points.find((one) => one.seed === seed && one.arm === against && one.round === point.round);
      return other === undefined ? [] : [{ seed, difference: other.loss - point.loss, arm: point, against: other }];
    });
  });
}

/** 95% interval of a mean, by Student's t; undefined of fewer than two values. */
export function intervalOfMean(values: readonly number[]): readonly [low: number, high: number] | undefined {
  const error = standardError(values);
  if (error === undefined) return undefined;
  const reach = error * (T_95[values.length - 2] ?? NORMAL_95);
  return [mean(values) - reach, mean(values) + reach];
}
