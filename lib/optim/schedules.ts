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

/** The bilevel phase: both levels warm up over a share of the S outer steps, then follow the cosine to 0. */
export function bilevelLearningRate({ step, peak, warmUpFraction, outerSteps }: { readonly step: number; readonly peak: number; readonly warmUpFraction: number; readonly outerSteps: number }): number {
  return warmUpThenCosine({ step, peak, warmUpSteps: Math.round(warmUpFraction * outerSteps), totalSteps: outerSteps });
}
