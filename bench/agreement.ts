/** Largest difference between two sides' numbers that still counts as the same computation. */
export const TOLERANCE = 1e-4;

export type StepNumbers = Readonly<Record<string, number>>;

/**
 * Both sides must have computed the same thing, or comparing their times says nothing.
 * @param names of the numbers that must agree to `TOLERANCE`, absolutely
 * @returns the largest difference
 * @throws Error where a number differs by more, is missing, or is not finite
 */
export function checkAgreement({ ours, theirs, who, names }: { readonly ours: readonly StepNumbers[]; readonly theirs: readonly StepNumbers[]; readonly who: string; readonly names: readonly string[] }): number {
  if (ours.length === 0 || ours.length !== theirs.length) throw new Error(`${who}: ${theirs.length} first steps, ours ${ours.length}`);
  let largest = 0;
  ours.forEach((step, i) => {
    for (const name of names) {
      const difference = Math.abs(step[name] - theirs[i][name]);
      // a NaN is no agreement either
      if (!(difference <= TOLERANCE)) throw new Error(`${who}: ${name} of step ${i + 1} is ${theirs[i][name]}, ours ${step[name]}: not the same computation`);
      largest = Math.max(largest, difference);
    }
  });
  return largest;
}
