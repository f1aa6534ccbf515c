import { STAGE_NAMES, STAGES, type StageName, type StageResource } from '../config/tables/stages.js';
import type { StageInputs } from '../lib/stages/types.js';
import type { KnownInput } from './parsed-inputs.js';
import { runStage, type StageDependencies, type StageOutcome, type StageRequest } from './run-stage.js';

type Table = typeof STAGES;

/** Stages' activities by the names that workflows ask for, on workers of one kind. */
export type StageActivities<On extends StageResource> = {
  readonly [Name in StageName as On extends Table[Name]['on'][number] ? Table[Name]['activity'] : never]: (request: StageRequest<Name>) => Promise<StageOutcome>;
};

/** One activity a stage, all the same but for the stage. */
export function createStageActivities<On extends StageResource>(on: On, dependencies: Omit<StageDependencies, 'device'>): StageActivities<On> {
  const own = { ...dependencies, device: on === 'gpu' };
  const runsIt = (resources: readonly StageResource[]): boolean => resources.includes(on);
  const activities = STAGE_NAMES.filter((name) => runsIt(STAGES[name].on)).map((name) => [STAGES[name].activity, (request: StageRequest<typeof name>) => runStage(name, request, own)]);
  return Object.fromEntries(activities) as StageActivities<On>; // the table's names, each with its stage's input
}

type Held<Fits extends true> = Fits;
/** Schemas and types say the same of every stage: the compiler holds one against the other, and names the stage that differs. A report's configuration may be an earlier version's. */
export type SchemasOfStages = Held<{ readonly [Name in Exclude<StageName, 'report'>]: KnownInput<Table[Name]['activity']>['input'] extends StageInputs[Name] ? true : Name }[Exclude<StageName, 'report'>]>;
