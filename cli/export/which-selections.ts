import type { RunConfig } from '../../config/index.js';
import { isGiven } from '../../config/tables/selectors.js';
import { otherSelection } from '../../config/sections/other-selection.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { BlissError } from '../../lib/errors.js';
import { whichArm, type ChosenArm } from './which-arm.js';
import { finishedRounds, whichRound, type ChosenRound } from './which-round.js';
import type { WhichState } from './which-state.js';

export interface WhichSelections extends Omit<WhichState, 'round'> {
  /** all: of every round that has one */
  readonly round: number | 'all' | undefined;
}

export interface ChosenSelections extends ChosenArm {
  /** in order of their rounds, at least one */
  readonly selections: readonly Omit<ChosenRound, 'corpus'>[];
  readonly corpus: Ref;
}

/**
 * What an arm selected in a round, or in every round so far. Where it is not said, the arm is the one of selector `bliss`, the seed the only one, and the
 * round the last whose selection is finished.
 * @throws BlissError Usage for what is not of the run or must be said; ArtifactMissing for a selection that is not finished
 */
export function whichSelections({ run, config, finished, round, ...by }: WhichSelections): ChosenSelections {
  const { arm, seed } = whichArm({ config, ...by });
  refuseBorrowed(config, arm);
  const { corpus, ...chosen } = whichRound({ run, config, finished, kind: 'selection', arm, seed, round: round === 'all' ? undefined : round });
  return { arm, seed, corpus, selections: round === 'all' ? distinct(finishedRounds({ finished, kind: 'selection', arm, seed })) : [chosen] };
}

/** What two rounds have in common is there once. */
const distinct = <T extends { readonly ref: Ref }>(rounds: readonly T[]): readonly T[] => rounds.filter(({ ref }, i) => rounds.findIndex((other) => other.ref.sha256 === ref.sha256) === i);

/** Its rows are another run's, of that run's corpus and by its tokenizer. */
function refuseBorrowed({ selection: { from } }: RunConfig, { name, selector }: ChosenArm['arm']): void {
  const other = from === undefined ? undefined : otherSelection(from);
  if (!isGiven(selector, { from }) || other === undefined) return;
  throw new BlissError({ code: 'Usage', message: `the arm ${name} selected nothing: it trains on the rows of ${from}`, where: '--arm', fix: `export them from there: --round ${other.round} of ${other.run}` });
}
