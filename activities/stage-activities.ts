import type { StageInputs, StageName } from '../lib/stages/types.js';
import type { KnownActivities, KnownInput } from './parsed-inputs.js';
import { runStage, type StageDependencies, type StageOutcome, type StageRequest } from './run-stage.js';

/** Workers of which kind run it. */
export type StageResource = 'cpu' | 'gpu';

interface StageActivity {
  /** as it is registered: open runs ask for it by this name */
  readonly activity: keyof KnownActivities;
  /** that of the stage itself, and others that may run it: scores by n-grams need no device */
  readonly on: readonly StageResource[];
}

/** The activity of every stage. */
export const STAGE_ACTIVITIES = {
  prepare: { activity: 'prepareCorpus', on: ['cpu'] },
  selection: { activity: 'selectRows', on: ['cpu'] },
  importing: { activity: 'importWeights', on: ['cpu'] },
  training: { activity: 'train', on: ['gpu'] },
  bilevel: { activity: 'learnScores', on: ['gpu'] },
  lexical: { activity: 'weighNgrams', on: ['cpu'] },
  mates: { activity: 'learnInfluence', on: ['gpu'] },
  scoring: { activity: 'scoreShards', on: ['gpu', 'cpu'] },
  evaluation: { activity: 'evaluate', on: ['gpu'] },
  report: { activity: 'writeReport', on: ['cpu'] },
} as const satisfies { readonly [Name in StageName]: StageActivity };

type Table = typeof STAGE_ACTIVITIES;
/** Stages' activities by the names that workflows ask for, on workers of one kind. */
export type StageActivities<On extends StageResource> = {
  readonly [Name in StageName as On extends Table[Name]['on'][number] ? Table[Name]['activity'] : never]: (request: StageRequest<Name>) => Promise<StageOutcome>;
};

/** One activity a stage, all the same but for the stage. */
export function createStageActivities<On extends StageResource>(on: On, dependencies: Omit<StageDependencies, 'device'>): StageActivities<On> {
  const own = { ...dependencies, device: on === 'gpu' };
  const activities = (Object.entries(STAGE_ACTIVITIES) as [StageName, StageActivity][]) // as the table has them
    .filter(([, stage]) => stage.on.includes(on))
    .map(([name, { activity }]) => [activity, (request: StageRequest<typeof name>) => runStage(name, request, own)]);
  return Object.fromEntries(activities) as StageActivities<On>; // the table's names, each with its stage's input
}

type Held<Fits extends true> = Fits;
/** Schemas and types say the same of every stage: the compiler holds one against the other, and names the stage that differs. A report's configuration may be an earlier version's. */
export type SchemasOfStages = Held<{ readonly [Name in Exclude<StageName, 'report'>]: KnownInput<Table[Name]['activity']>['input'] extends StageInputs[Name] ? true : Name }[Exclude<StageName, 'report'>]>;
