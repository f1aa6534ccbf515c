import type { RunConfig } from '../../config/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { BlissError } from '../../lib/errors.js';
import type { FinishedStage } from '../../lib/stages/types.js';

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
export function whichState({ run, config, finished, ...asked }: WhichState): ChosenState {
  const arm = one({ what: 'arm', asked: asked.arm, all: config.comparison.arms.map(({ name }) => name), usual: config.comparison.arms.filter(({ selector }) => selector === 'bliss').map(({ name }) => name) });
  const seed = one({ what: 'seed', asked: asked.seed, all: config.seeds, usual: config.seeds });
  if (asked.round !== undefined && asked.round > config.rounds) throw new BlissError({ code: 'Usage', message: `there is no round ${asked.round} in a run of ${config.rounds}`, where: '--round', mend: `name one of 1 … ${config.rounds}` });

  const decays = finished.filter((stage) => stage.stage.endsWith('/decay') && stage.seed === seed && stage.arm === arm);
  const rounds = decays.flatMap((stage) => stage.round ?? []).sort((a, b) => a - b);
  const round = asked.round ?? rounds.at(-1);
  const corpus = finished.find(({ stage }) => stage === `seed-${seed}/prepare`);
  const decay = decays.find((stage) => stage.round === round);
  if (round === undefined || decay === undefined || corpus === undefined) {
    throw new BlissError({
      code: 'ArtifactMissing',
      message: `seed-${seed}/${arm}/${round === undefined ? 'round-1' : `round-${round}`}/decay of the run ${run} is not finished`,
      where: '--round',
      mend: rounds.length === 0 ? `see how far it is: bliss status ${run}` : `take round ${rounds.join(' or ')}, or see how far it is: bliss status ${run}`,
    });
  }
  return { stage: decay.stage, seed, arm, round, state: decay.results[0].ref, corpus: corpus.results[0].ref };
}

interface One<T> {
  readonly what: 'arm' | 'seed';
  readonly asked: T | undefined;
  readonly all: readonly T[];
  /** taken where it is the only one */
  readonly usual: readonly T[];
}

function one<T extends string | number>({ what, asked, all, usual }: One<T>): T {
  const choices = { where: `--${what}`, mend: `name one of ${all.join(', ')}` };
  if (asked !== undefined) {
    if (all.includes(asked)) return asked;
    throw new BlissError({ code: 'Usage', message: `the run has no ${what} ${asked}`, ...choices });
  }
  const [only, ...others] = all.length === 1 ? all : usual;
  if (only !== undefined && others.length === 0) return only;
  throw new BlissError({ code: 'Usage', message: `the run has several ${what}s`, ...choices });
}
