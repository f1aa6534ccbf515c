import { mean, unique } from './numbers.js';
import type { ArmCost, EvaluationPoint, ReportData } from './types.js';
import { verdictOf, type Verdict } from './verdict.js';

/** One arm beside the arm of chance. */
export interface ComparedArm {
  readonly arm: string;
  readonly selector: string;
  /** against the random arm after the last round; undefined for that arm itself */
  readonly verdict?: Verdict;
  /** mean over seeds after the last round, nats a token */
  readonly loss: number;
  readonly reached?: Reached;
  /** of the first arm of selector bliss against this one: its difference is how much better that arm is; undefined for that arm itself, and where there is none */
  readonly lead?: Verdict;
  /** gain as a share of the gain of the first arm of selector oracle; undefined without one */
  readonly ofOracle?: OfOracle;
  /** of choosing, of one round of one seed; seconds are null where they are not known */
  readonly perRound?: NonNullable<ArmCost['perRound']>;
  /** nats of gain for each hour that choosing takes in all rounds of a seed; undefined where there is no gain or no time to tell */
  readonly gainPerHour?: number;
  /** seconds of learning, scoring and selecting, all seeds and rounds together */
  readonly seconds: number;
  /** of its matrix products */
  readonly flops: number;
}

/** Mean gain over mean gain, both over the seeds that have both: the ratio of a single seed is of no use where the oracle's gain is near 0. */
export interface OfOracle {
  /** NaN where the oracle has gained nothing */
  readonly share: number;
  readonly seeds: number;
}

/** It chooses by what no selector may know: a ceiling, and no rival. */
export const isCeiling = ({ selector }: { readonly selector: string }): boolean => selector === 'oracle';

/** When an arm's loss first was what the random arm ended with. */
export interface Reached {
  /** share of the random arm's tokens, mean over the seeds that came there; of a loss that was there after the first round, that round's */
  readonly share: number;
  readonly seeds: number;
  readonly of: number;
}

/** Every arm against the first arm of selector random, on the test set where there is one. */
export function compareArms(data: Pick<ReportData, 'arms' | 'metrics' | 'comparison' | 'missing'>): readonly ComparedArm[] {
  const against = data.arms.find(({ selector }) => selector === 'random')?.name;
  const set = data.metrics.some((point) => point.set === 'test') ? 'test' : 'tuning';
  const points = data.metrics.filter((point) => point.set === set);
  const last = Math.max(...points.map(({ round }) => round));
  const ours = data.arms.find(({ selector }) => selector === 'bliss')?.name;
  const oracle = data.arms.find(isCeiling)?.name;
  const verdictAgainst = (arm: string, other: string): Verdict => verdictOf({ ...data, verdict: { arm, against: other } });
  const ceiling = oracle === undefined || against === undefined ? undefined : verdictAgainst(oracle, against);
  return data.arms.map(({ name: arm, selector }) => {
    const cost = data.comparison?.costs.find((one) => one.arm === arm);
    const reached = against === undefined || arm === against || data.comparison === undefined ? undefined : reachedBy({ points, arm, against, tokens: data.comparison.tokens });
    const verdict = against === undefined || arm === against ? undefined : verdictAgainst(arm, against);
    const gainPerHour = gainPerHourOf({ verdict, seconds: cost?.perRound?.seconds });
    return {
      arm,
      selector,
      ...(verdict === undefined ? {} : { verdict }),
      loss: mean(points.filter((point) => point.arm === arm && point.round === last).map(({ loss }) => loss)),
      ...(reached === undefined ? {} : { reached }),
      ...(ours === undefined || arm === ours ? {} : { lead: verdictAgainst(ours, arm) }),
      ...(verdict === undefined || ceiling === undefined ? {} : { ofOracle: shareOf(verdict, ceiling) }),
      ...(cost?.perRound === undefined ? {} : { perRound: cost.perRound }),
      ...(gainPerHour === undefined ? {} : { gainPerHour }),
      seconds: cost?.seconds ?? 0,
      flops: cost?.flops ?? 0,
    };
  });
}

function shareOf(verdict: Verdict, ceiling: Verdict): OfOracle {
  // after another round the two do not say the same
  const pairs = verdict.round !== ceiling.round ? [] : verdict.seeds.flatMap(({ seed, difference }) => {
    const other = ceiling.seeds.find((one) => one.seed === seed);
    return other === undefined ? [] : [{ own: difference, most: other.difference }];
  });
  const most = mean(pairs.map((one) => one.most));
  return { share: most > 0 ? mean(pairs.map(({ own }) => own)) / most : Number.NaN, seeds: pairs.length };
}

function gainPerHourOf({ verdict, seconds }: { readonly verdict: Verdict | undefined; readonly seconds: number | null | undefined }): number | undefined {
  if (verdict?.difference === undefined || verdict.round === undefined || seconds === undefined || seconds === null || seconds === 0) return undefined;
  return verdict.difference / ((seconds * verdict.round) / 3600);
}

function reachedBy({ points, arm, against, tokens }: { readonly points: readonly EvaluationPoint[]; readonly arm: string; readonly against: string; readonly tokens: NonNullable<ReportData['comparison']>['tokens'] }): Reached | undefined {
  const curve = (seed: number, of: string): EvaluationPoint[] => points.filter((point) => point.seed === seed && point.arm === of).sort((a, b) => a.round - b.round);
  const at = (round: number): number => tokens.warmUp + round * tokens.round;
  const seeds = unique(points.map(({ seed }) => seed));
  const shares = seeds.flatMap((seed) => {
    const end = curve(seed, against).at(-1);
    const own = curve(seed, arm);
    const there = end === undefined ? -1 : own.findIndex(({ loss }) => loss <= end.loss);
    if (end === undefined || there < 0) return [];
    const here = own[there];
    if (there === 0) return [at(here.round) / at(end.round)];
    // between two evaluations the loss is taken to fall evenly
    const before = own[there - 1];
    const part = (before.loss - end.loss) / (before.loss - here.loss);
    return [(at(before.round) + part * (at(here.round) - at(before.round))) / at(end.round)];
  });
  return shares.length === 0 ? { share: Number.NaN, seeds: 0, of: seeds.length } : { share: mean(shares), seeds: shares.length, of: seeds.length };
}
