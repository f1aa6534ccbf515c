import type { RunConfig } from '../config/schema.js';
import type { WhichModel } from '../config/sections/models.js';
import { otherSelection } from '../config/sections/other-selection.js';
import { isGiven, scoringStages } from '../config/tables/selectors.js';

export const MODELS: readonly WhichModel[] = ['proxy', 'target'];
/** Those that begin with weights of their own. */
export const warmedUp = ({ models }: RunConfig): readonly WhichModel[] => MODELS.filter((which) => models[which].from === undefined);

/** Stage paths of a run in canonical order: what the board, the metrics and the report go by. */
export function planStages(config: RunConfig): string[] {
  const stages: string[] = [];
  const { from } = config.selection;
  for (const seed of config.seeds) {
    const at = `seed-${seed}`;
    stages.push(`${at}/prepare`);
    if (warmedUp(config).length > 0) stages.push(`${at}/warm-up/selection`);
    for (const which of MODELS) stages.push(`${at}/${config.models[which].from === undefined ? 'warm-up' : 'import'}/${which}`);
    for (const arm of config.comparison.arms) {
      for (let round = 1; round <= config.rounds; round++) {
        const inRound = `${at}/${arm.name}/round-${round}`;
        for (const stage of scoringStages(arm.selector, config)) stages.push(`${inRound}/${stage}`);
        if (!isGiven(arm.selector, { from }) || from === undefined || otherSelection(from) === undefined) stages.push(`${inRound}/selection`);
        stages.push(`${inRound}/pretraining`, `${inRound}/decay`, `${inRound}/evaluation`);
      }
    }
  }
  return [...stages, 'report'];
}
