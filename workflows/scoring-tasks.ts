import type { RunConfig } from '../config/schema.js';
import { scoringStages } from '../config/tables/selectors.js';

/**
 * Scoring activities of a whole run. The results of all go into the report's input, some 400 bytes each, and the server takes
 * 2 MB in one piece; each is a dozen events of its workflow's history, which ends at 51,200.
 */
const TASKS_PER_RUN = 2_500;

/** Shard ranges of the scoring activities of one stage. */
export const shardRanges = ({ shards, perTask }: { readonly shards: number; readonly perTask: number }): { readonly first: number; readonly end: number }[] =>
  Array.from({ length: Math.ceil(shards / perTask) }, (_, i) => ({ first: i * perTask, end: Math.min(shards, (i + 1) * perTask) }));

/** Shards of one scoring activity: as configured, and more where there would be too many activities. */
export function shardsPerTask(config: Pick<RunConfig, 'scoring' | 'selection' | 'bilevel' | 'seeds' | 'rounds' | 'comparison'>, shards: number): number {
  const { scoring, seeds, rounds, comparison } = config;
  const stages = seeds.length * rounds * comparison.arms.filter(({ selector }) => scoringStages(selector, config).includes('scoring')).length;
  const tasks = Math.max(1, Math.floor(TASKS_PER_RUN / Math.max(1, stages)));
  return Math.max(scoring.shardsPerTask, Math.ceil(shards / tasks));
}
