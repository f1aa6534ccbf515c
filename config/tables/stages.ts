/*
 * What all rooms go by, in one place: data alone. Queues, schemas of activities, the trainer's protocol, paths and places of forks follow from it.
 */

/** Workers of which kind run it. */
export type StageResource = 'cpu' | 'gpu';

interface StageRow {
  /** name of its activity, as it is registered: open runs ask for it by this name */
  readonly activity: string;
  /** that of the stage itself, and others that may run it: scores by n-grams need no device */
  readonly on: readonly [StageResource, ...StageResource[]];
  /** an arm learns by it in each round what rows are worth: selectors name it (config/tables/selectors.ts) */
  readonly learns?: true;
}

/** Every stage. Those that learn stand in the order in which commands list them, and an arm that learns by several has them. */
export const STAGES = {
  prepare: { activity: 'prepareCorpus', on: ['cpu'] },
  selection: { activity: 'selectRows', on: ['cpu'] },
  importing: { activity: 'importWeights', on: ['cpu'] },
  training: { activity: 'train', on: ['gpu'] },
  lexical: { activity: 'weighNgrams', on: ['cpu'], learns: true },
  color: { activity: 'fineTuneProxy', on: ['gpu'], learns: true },
  repsim: { activity: 'gatherRepresentations', on: ['gpu'], learns: true },
  gradsim: { activity: 'gatherGradients', on: ['gpu'], learns: true },
  recolor: { activity: 'fineTuneTarget', on: ['gpu'], learns: true },
  bilevel: { activity: 'learnScores', on: ['gpu'], learns: true },
  mates: { activity: 'learnInfluence', on: ['gpu'], learns: true },
  scoring: { activity: 'scoreShards', on: ['gpu', 'cpu'] },
  evaluation: { activity: 'evaluate', on: ['gpu'] },
  report: { activity: 'writeReport', on: ['cpu'] },
} as const satisfies Readonly<Record<string, StageRow>>;

type Table = typeof STAGES;
export type StageName = keyof Table;
export const STAGE_NAMES = Object.keys(STAGES) as StageName[]; // those of the table

/** Stages by which an arm learns what rows are worth. */
export type LearningStageName = { [Name in StageName]: Table[Name] extends { readonly learns: true } ? Name : never }[StageName];
const learns = (name: StageName): name is LearningStageName => 'learns' in STAGES[name];
export const LEARNING_STAGES: readonly LearningStageName[] = STAGE_NAMES.filter(learns);
export const isLearningStage = (name: string): name is LearningStageName => LEARNING_STAGES.some((each) => each === name);

/** Of what kind the workers are that a stage needs first of all. */
export const resourceOf = (name: StageName): StageResource => STAGES[name].on[0];
