import type { Artifact } from '../../artifacts/types.js';
import type { FinishedStage } from '../types.js';

/** A finished stage with its artifacts at hand. */
export interface OpenedStage {
  readonly stage: FinishedStage;
  /** in the order of the stage's results */
  readonly artifacts: readonly Artifact[];
}
