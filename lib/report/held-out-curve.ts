import { mean, unique } from './numbers.js';
import type { ReportData } from './types.js';
import { intervalOfMean } from './verdict.js';

/** Tokens to what the random arm ends with, as a share of that arm's tokens, both counted from the target's first. */
export interface TokensToRandom {
  readonly arm: string;
  /** mean over seeds; NaN where one of them did not come there: a mean of the others would be too low */
  readonly share: number;
  /** over seeds, where two or more came there */
  readonly interval?: readonly [low: number, high: number];
  readonly seeds: number;
  readonly of: number;
}

type Curve = readonly { readonly tokens: number; readonly loss: number }[];

/** Where a curve first is at a loss: between two points it is taken to fall evenly, and what is there at its first point is counted there. undefined: nowhere */
export function tokensAt(points: Curve, loss: number): number | undefined {
  const curve = points.filter((point) => !Number.isNaN(point.loss));
  const there = curve.findIndex((point) => point.loss <= loss);
  if (there < 0) return undefined;
  const here = curve[there];
  if (there === 0) return here.tokens;
  const before = curve[there - 1];
  return before.tokens + ((before.loss - loss) / (before.loss - here.loss)) * (here.tokens - before.tokens);
}

/** Of every other arm against the first arm of selector random; [] without such an arm, or without curves. */
export function tokensToRandom({ arms, training }: Pick<ReportData, 'arms' | 'training'>): readonly TokensToRandom[] {
  const random = arms.find(({ selector }) => selector === 'random')?.name;
  const curves = training.flatMap(({ seed, arm, heldOut = [] }) => (arm === null || heldOut.length === 0 ? [] : [{ seed, arm, points: heldOut }]));
  const of = (arm: string | undefined, seed: number): Curve => curves.find((one) => one.arm === arm && one.seed === seed)?.points ?? [];
  const seeds = unique(curves.filter(({ arm }) => arm === random).map(({ seed }) => seed));
  return arms.flatMap(({ name: arm }) => {
    if (arm === random) return [];
    const both = seeds.filter((seed) => of(arm, seed).length > 0 && Number.isFinite(of(random, seed).at(-1)?.loss));
    if (both.length === 0) return [];
    const shares = both.flatMap((seed) => {
      const end = of(random, seed)[of(random, seed).length - 1];
      const tokens = tokensAt(of(arm, seed), end.loss);
      return tokens === undefined ? [] : [tokens / end.tokens];
    });
    const isWhole = shares.length === both.length;
    const interval = isWhole ? intervalOfMean(shares) : undefined;
    return [{ arm, share: isWhole ? mean(shares) : Number.NaN, ...(interval === undefined ? {} : { interval }), seeds: shares.length, of: both.length }];
  });
}
