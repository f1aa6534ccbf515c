import { bilevelSchema } from '../config/sections/bilevel.js';
import { outerStepSpec, releaseSpec } from './benches/outer-step.js';
import { trainingStepSpec } from './benches/training-step.js';
import type { SubjectName } from './protocol.js';

/** Steps whose time is taken apart. */
export interface ProfileCase {
  readonly name: string;
  readonly subject: SubjectName;
  readonly spec: () => object;
  /** the other side computes the release's algorithm only */
  readonly oursAlone?: boolean;
  /** compiled programs that one step calls */
  readonly programs: number;
}

export const profileCases: readonly ProfileCase[] = [
  { name: 'training-small', subject: 'training-step', spec: () => trainingStepSpec('small'), programs: 1 },
  { name: 'training-14m', subject: 'training-step', spec: () => trainingStepSpec('14m'), programs: 1 },
  { name: 'training-31m', subject: 'training-step', spec: () => trainingStepSpec('31m'), programs: 1 },
  { name: 'outer-n-8', subject: 'outer-step', spec: () => releaseSpec(8), programs: 2 },
  { name: 'outer-default-n-8', subject: 'outer-step', spec: () => outerStepSpec(bilevelSchema.parse({ batchSize: 8, validationBatchSize: 8 })), programs: 2, oursAlone: true },
  { name: 'outer-n-32', subject: 'outer-step', spec: () => releaseSpec(32), programs: 2 },
];
