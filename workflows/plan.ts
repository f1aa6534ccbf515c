import type { RunConfig } from '../config/schema.js';
import { isLexical, isPerplexity } from './selectors.js';

/** Stage paths of a run in canonical order: what the board, the metrics and the report go by. */
export function planStages(config: RunConfig): string[] {
  const stages: string[] = [];
  for (const seed of config.seeds) {
    const at = `seed-${seed}`;
    stages.push(`${at}/prepare`, `${at}/warm-up/selection`, `${at}/warm-up/proxy`, `${at}/warm-up/target`);
    for (const arm of config.comparison.arms) {
      for (let round = 1; round <= config.rounds; round++) {
        const inRound = `${at}/${arm.name}/round-${round}`;
        if (arm.selector === 'bliss' && config.selection.from === undefined) stages.push(`${inRound}/bilevel`, `${inRound}/scoring`);
        if (isLexical(arm.selector)) stages.push(`${inRound}/lexical`, `${inRound}/scoring`);
        if (arm.selector === 'mates') stages.push(`${inRound}/mates`, `${inRound}/scoring`);
        if (isPerplexity(arm.selector)) stages.push(`${inRound}/scoring`);
        if (arm.selector !== 'bliss' || config.selection.from === undefined) stages.push(`${inRound}/selection`);
        stages.push(`${inRound}/pretraining`, `${inRound}/decay`, `${inRound}/evaluation`);
      }
    }
  }
  return [...stages, 'report'];
}
