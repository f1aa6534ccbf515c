import { mean, unique } from './numbers.js';
import type { EvaluationPoint, ReportData } from './types.js';
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
  /** seconds of learning, scoring and selecting, all seeds and rounds together */
  readonly seconds: number;
  /** of its matrix products */
  readonly flops: number;
}

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
  return data.arms.map(({ name: arm, selector }) => {
    const cost = data.comparison?.costs.find((one) => one.arm === arm);
    const reached = against === undefined || arm === against || data.comparison === undefined ? undefined : reachedBy({ points, arm, against, tokens: data.comparison.tokens });
    return {
      arm,
      selector,
      ...(against === undefined || arm === against ? {} : { verdict: verdictOf({ ...data, verdict: { arm, against } }) }),
      loss: mean(points.filter((point) => point.arm === arm && point.round === last).map(({ loss }) => loss)),
      ...(reached === undefined ? {} : { reached }),
      seconds: cost?.seconds ?? 0,
      flops: cost?.flops ?? 0,
    };
  });
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
