import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { BlissError } from '../../lib/errors.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import type { ChosenArm } from './which-arm.js';

export interface WhichRound extends ChosenArm {
  readonly run: string;
  readonly config: RunConfig;
  readonly finished: readonly FinishedStage[];
  /** last part of its path, one a round */
  readonly kind: 'decay' | 'selection';
  /** as asked for; undefined where it goes without saying */
  readonly round: number | undefined;
}

/** One stage of one round, finished. */
export interface ChosenRound {
  /** `seed-0/bliss/round-2/decay` */
  readonly stage: string;
  readonly round: number;
  readonly ref: Ref;
  readonly corpus: Ref;
}

/**
 * Where it is not said, the round is the last whose stage is finished.
 * @throws BlissError Usage for a round that the run has not; ArtifactMissing for one that is not finished
 */
export function whichRound({ run, config, finished, kind, arm, seed, round: asked }: WhichRound): ChosenRound {
  if (asked !== undefined && asked > config.rounds) throw new BlissError({ code: 'Usage', message: `there is no round ${asked} in a run of ${config.rounds}`, where: '--round', fix: `name one of 1 … ${config.rounds}` });
  const corpus = finished.find(({ stage }) => stage === `seed-${seed}/prepare`);
  const rounds = finishedRounds({ finished, kind, arm, seed });
  const chosen = asked === undefined ? rounds.at(-1) : rounds.find(({ round }) => round === asked);
  if (chosen === undefined || corpus === undefined) {
    throw new BlissError({
      code: 'ArtifactMissing',
      message: `seed-${seed}/${arm.name}/round-${asked ?? 1}/${kind} of the run ${run} is not finished`,
      where: '--round',
      fix: rounds.length === 0 ? `see how far it is: bliss status ${run}` : `take round ${rounds.map(({ round }) => round).join(' or ')}, or see how far it is: bliss status ${run}`,
    });
  }
  return { ...chosen, corpus: corpus.results[0].ref };
}

/** Those of one arm and seed, in order of their rounds. */
export function finishedRounds({ finished, kind, arm, seed }: Pick<WhichRound, 'finished' | 'kind' | 'arm' | 'seed'>): readonly Omit<ChosenRound, 'corpus'>[] {
  return finished
    .flatMap(({ stage, round, results, ...of }) => (round !== null && of.seed === seed && of.arm === arm.name && stage.endsWith(`/${kind}`) ? [{ stage, round, ref: results[0].ref }] : []))
    .sort((a, b) => a.round - b.round);
}
