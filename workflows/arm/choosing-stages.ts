import type { Ref } from '../../lib/artifacts/types.js';
import { selectorRow, type ScoredBy } from '../../config/tables/selectors.js';
import type { LearningStageName } from '../../config/tables/stages.js';
import type { StageInputs } from '../../lib/stages/types.js';
import { selection } from '../plain-stages.js';
import { scoring } from '../scoring.js';
import { shardsPerTask } from '../scoring-tasks.js';
import type { PipelineInput } from '../types.js';
import { LEARNING, type LearnFrom } from './learning.js';
import { matesSection, modelsOf, oracleSection } from './sections.js';
import type { Arm, ArmStart, SeedContext } from './seed-context.js';

/*
 * The stages that an arm has to choose a round's rows by, each with what it is given.
 */

export const placeIn = ({ seed }: SeedContext, arm: Arm, round: number, stage: string) => ({ stage: `seed-${seed}/${arm.name}/round-${round}/${stage}`, seed, arm: arm.name, round });

/** What an arm scores rows by: learnt in this round, or the warmed-up proxy as it is. */
export interface Learnt {
  readonly scorer: Ref;
  readonly by: ScoredBy;
}

/** The rows of given ids: the same in every round, in which all after the first find them finished. */
export const givenStage = (context: SeedContext, arm: Arm, round: number, { corpus, path }: Pick<ArmStart, 'corpus'> & { readonly path: string }) => {
  const { config: { selection: { fraction, method, temperature, trainedRows } }, configFolder } = context.input;
  return {
    name: 'selection',
    workflow: selection,
    place: placeIn(context, arm, round, 'selection'),
    summary: `round ${round}: take the rows whose ids are in ${path}`,
    input: { input: { selector: arm.selector, fraction, method, temperature, trainedRows, corpus, group: round, scores: [], seed: `${context.seed}/round-${round}`, ids: { path, folder: configFolder } } },
  } as const;
};

/** What an arm of such a selector learns by in a round. */
export function learningStage<Name extends LearningStageName>(name: Name, from: LearnFrom) {
  const { workflow, summary, input } = LEARNING[name];
  const { context, arm, round } = from;
  return { name, workflow, place: placeIn(context, arm, round, name), summary: `round ${round}: ${summary}`, input: { input: input(from) } };
}

/** How an arm's scores become a selection. */
export function rankedBy(config: PipelineInput['config'], { selector }: Arm): Pick<StageInputs['selection'], 'method' | 'temperature' | 'temperatureIn'> {
  const { ranking } = selectorRow(selector);
  const { method, temperature } = config.selection;
  if (ranking?.method === 'gumbel-top-k') return { method: ranking.method, temperature: matesSection(config).temperature, temperatureIn: 'deviations' };
  return { method: ranking?.method ?? method, temperature };
}

/** Every row of the round's group, in parts. */
export function scoringStage(context: SeedContext, arm: Arm, round: number, { corpus, shards: all, scorer, by }: Pick<ArmStart, 'corpus' | 'shards'> & Learnt) {
  const { config } = context.input;
  const shards = all[round];
  return {
    name: 'scoring',
    workflow: scoring,
    place: placeIn(context, arm, round, 'scoring'),
    summary: `round ${round}: score group ${round}`,
    input: {
      shards,
      shardsPerTask: shardsPerTask(config, shards),
      input: {
        models: modelsOf(config),
        sequenceLength: config.data.sequenceLength,
        batchSize: config.scoring.batchSize,
        corpus,
        group: round,
        shards: { first: 0, end: shards },
        scorer,
        ...(by === 'score-model' ? {} : { by }), // what was scored before there were others is found
        ...(by === 'source' ? { oracle: { sources: oracleSection(config).sources, seed: `${context.seed}/round-${round}/oracle` } } : {}),
        compiler: config.runtime.compiler,
        precision: config.runtime.precision,
      },
    },
  } as const;
}
