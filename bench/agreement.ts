import type { StepNumbers } from './ours/subject.js';

/** Largest difference between two sides' numbers that still counts as the same computation. */
const TOLERANCE = 1e-4;
/** the same relative to our number: small norms of long float32 sums */
const RELATIVE_TOLERANCE = 1e-3;

export interface AgreementInput {
  /** of the same first steps */
  readonly ours: readonly StepNumbers[];
  readonly theirs: readonly StepNumbers[];
  /** the other side's name, for the error */
  readonly who: string;
  /** held to `TOLERANCE`: losses, in nats */
  readonly numbers: readonly string[];
  /** held to `RELATIVE_TOLERANCE` */
  readonly relative: readonly string[];
}

/**
 * Both sides must have computed the same thing, or comparing their times says nothing.
 * @returns the largest difference of `numbers`
 * @throws Error where a number differs by more, is missing, or is not finite
 */
export function checkAgreement({ ours, theirs, who, numbers, relative }: AgreementInput): number {
  if (ours.length === 0 || ours.length !== theirs.length) throw new Error(`${who}: ${theirs.length} first steps, ours ${ours.length}`);
  let largest = 0;
  ours.forEach((step, i) => {
    for (const name of [...numbers, ...relative]) {
      const difference = Math.abs(step[name] - theirs[i][name]);
      const limit = numbers.includes(name) ? TOLERANCE : RELATIVE_TOLERANCE * Math.abs(step[name]);
      // a NaN is no agreement either
      if (!(difference <= limit)) throw new Error(`${who}: ${name} of step ${i + 1} is ${theirs[i][name]}, ours ${step[name]}: not the same computation`);
      if (numbers.includes(name)) largest = Math.max(largest, difference);
    }
  });
  return largest;
}
