import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import { whichArm } from './which-arm.js';
import { whichRound } from './which-round.js';

export interface WhichState {
  readonly run: string;
  readonly config: RunConfig;
  readonly finished: readonly FinishedStage[];
  /** as asked for; undefined where it goes without saying */
  readonly round: number | undefined;
  readonly arm: string | undefined;
  readonly seed: number | undefined;
}

export interface ChosenState {
  /** `seed-0/bliss/round-2/decay` */
  readonly stage: string;
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly state: Ref;
  readonly corpus: Ref;
}

/**
 * The target at the end of a round's decay branch, which is what that round's evaluation measured. Where it is not said, the arm is the one of selector
 * `bliss`, the seed the only one, and the round the last whose decay is finished.
 * @throws BlissError Usage for what is not of the run or must be said; ArtifactMissing for a decay that is not finished
 */
export function whichState({ run, config, finished, round: asked, ...by }: WhichState): ChosenState {
  const { arm, seed } = whichArm({ config, ...by });
  const { ref, ...decay } = whichRound({ run, config, finished, kind: 'decay', arm, seed, round: asked });
  return { ...decay, seed, arm: arm.name, state: ref };
}
