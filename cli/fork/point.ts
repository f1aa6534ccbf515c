import { LEARNING_STAGES } from '../../config/tables/stages.js';
import { BlissError } from '../../lib/errors.js';

/** Stages of a seed in the order in which they build on each other: those before the arms, then those of each round. */
const BEFORE_ARMS = ['prepare', 'warm-up/selection', 'warm-up/proxy', 'warm-up/target'];
/** A model's import stands where its warm-up would. */
const asWarmUp = (stage: string): string => stage.replace(/^import\/(proxy|target)$/, 'warm-up/$1');
const OF_A_ROUND: readonly string[] = [...LEARNING_STAGES, 'scoring', 'selection', 'pretraining', 'decay', 'evaluation'];

/** Where a fork goes its own way: at the first stage that is not the other run's. */
export interface ForkPoint {
  /** `round-2/selection`, as people write it */
  readonly stage: string;
  readonly rank: number;
}

/** @param text `round-2/selection`, `round-2` for the first stage of it, `warm-up/proxy`, or a stage's whole path. @throws BlissError Usage */
export function forkPoint(text: string): ForkPoint {
  const wanted = /^round-\d+$/.test(text) ? `${text}/${OF_A_ROUND[0]}` : text;
  const stage = /^(?:seed-\d+\/)?(?:[^/]+\/)?(round-\d+\/[^/]+)$/.exec(wanted)?.[1] ?? wanted.replace(/^seed-\d+\//, '');
  const rank = rankOf(stage);
  if (rank !== undefined) return { stage, rank };
  throw new BlissError({ code: 'Usage', message: `'${text}' is no stage to fork from`, where: '--from', fix: `name one of ${BEFORE_ARMS.join(', ')}, or round-N/${OF_A_ROUND.join(', round-N/')}` });
}

/** A stage's place in that order, by its path; of two arms' the same. undefined: none, as the report. */
export function rankOf(stage: string): number | undefined {
  const [, round, inRound] = /(?:^|\/)round-(\d+)\/([^/]+)$/.exec(stage) ?? [];
  if (round !== undefined) return Number(round) >= 1 && OF_A_ROUND.includes(inRound) ? BEFORE_ARMS.length + (Number(round) - 1) * OF_A_ROUND.length + OF_A_ROUND.indexOf(inRound) : undefined;
  const before = BEFORE_ARMS.indexOf(asWarmUp(stage.replace(/^seed-\d+\//, '')));
  return before < 0 ? undefined : before;
}

/** Nothing but the report builds on these. */
export const isLeaf = (stage: string): boolean => /\/(decay|evaluation)$/.test(stage);
