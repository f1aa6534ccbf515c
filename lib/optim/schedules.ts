/**
 * Learning rates, as plain numbers. `step` counts from 0; a linear warm-up therefore begins at 0, and the moments move there
 * all the same.  @see method §5
 */

export interface WarmUp {
  readonly step: number;
  readonly peak: number;
  /** w; 0 for none */
  readonly warmUpSteps: number;
}

/** peak · t/w for t < w, then constant (the main line of WSD) */
export function warmUpThenConstant({ step, peak, warmUpSteps }: WarmUp): number {
  return step < warmUpSteps ? (peak * step) / warmUpSteps : peak;
}

/** peak · t/w for t < w, then peak · ½(1 + cos π(t−w)/(S−w)), which is 0 at t = S. @param totalSteps S */
export function warmUpThenCosine({ step, peak, warmUpSteps, totalSteps }: WarmUp & { readonly totalSteps: number }): number {
  if (step < warmUpSteps) return (peak * step) / warmUpSteps;
  const progress = Math.min(1, (step - warmUpSteps) / Math.max(1, totalSteps - warmUpSteps));
  return (peak / 2) * (1 + Math.cos(Math.PI * progress));
}

/** lr · 0.5^{k/halfLife}: the side branch that a checkpoint is evaluated after. @param step k, steps of the branch done before */
export function decayBranch({ step, learningRate, halfLife }: { readonly step: number; readonly learningRate: number; readonly halfLife: number }): number {
  return learningRate * 0.5 ** (step / halfLife);
}

/** peak · t/w for t < w, then peak, then peak · (1 − (t−D)/d) from step D on, which is 0 at t = D + d. @param decayFrom D @param decaySteps d */
export function warmUpConstantLinear({ step, peak, warmUpSteps, decayFrom, decaySteps }: WarmUp & { readonly decayFrom: number; readonly decaySteps: number }): number {
  const falling = step < decayFrom ? 1 : Math.max(0, 1 - (step - decayFrom) / Math.max(1, decaySteps));
  return falling * warmUpThenConstant({ step, peak, warmUpSteps });
}

/** Of both levels of the bilevel phase. */
export interface BilevelSchedule {
  /** @default 'cosine' */
  readonly schedule?: 'cosine' | 'wsd' | undefined;
  readonly warmUpFraction: number;
  /** S */
  readonly outerSteps: number;
}

/** w: both levels warm up over a share of the S outer steps. */
export const bilevelWarmUpSteps = ({ warmUpFraction, outerSteps }: Pick<BilevelSchedule, 'warmUpFraction' | 'outerSteps'>): number => Math.round(warmUpFraction * outerSteps);

/** How many outer steps there are, if the rate begins to fall at `decayFrom` by schedule wsd; S where that is not said. */
export function bilevelSteps({ schedule, decayFrom, ...of }: BilevelSchedule & { readonly decayFrom: number | undefined }): number {
  return schedule !== 'wsd' || decayFrom === undefined ? of.outerSteps : Math.min(of.outerSteps, decayFrom + bilevelWarmUpSteps(of));
}

/**
 * The bilevel phase: after their warm-up both levels follow the cosine to 0; or they stay, and fall linearly over as many steps as they warmed up, which
 * begins at `decayFrom`, and early enough to end with S.
 */
export function bilevelLearningRate({ step, peak, decayFrom, schedule, ...of }: BilevelSchedule & { readonly step: number; readonly peak: number; readonly decayFrom?: number | undefined }): number {
  const warmUpSteps = bilevelWarmUpSteps(of);
  if (schedule !== 'wsd') return warmUpThenCosine({ step, peak, warmUpSteps, totalSteps: of.outerSteps });
  const last = of.outerSteps - warmUpSteps;
  return warmUpConstantLinear({ step, peak, warmUpSteps, decayFrom: Math.min(decayFrom ?? last, last), decaySteps: warmUpSteps });
}
