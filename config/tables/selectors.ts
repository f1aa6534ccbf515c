import { isLearningStage, resourceOf, type LearningStageName } from './stages.js';

/*
 * Ways in which an arm chooses its rows, each in one place: data alone, for all rooms.
 */

interface SelectorRow<By extends string = 'score-model' | 'perplexity' | 'source' | LearningStageName> {
  /** in the configuration's reference; absent where its name says it */
  readonly about?: string;
  /** by which it learns in each round; null: it scores by what is there, or not at all */
  readonly stage: LearningStageName | null;
  /** what rows are scored by: a score model that its stage gives, the warmed-up proxy, the name of their source, or what its stage gives in a form of its own; null: rows have no scores */
  readonly scoredBy: By | null;
  /** its own ranking rule, in the place of `selection.method` */
  readonly ranking?: { readonly method: 'middle' | 'top-k' } | { readonly method: 'gumbel-top-k'; /** of the section `mates`, in standard deviations of the scores */ readonly temperature: 'mates.temperature' };
  /** section of the configuration that it needs */
  readonly section?: 'mates' | 'oracle';
  /** for readers of a data set: by what rows were chosen */
  readonly by: string;
  /** what a score is */
  readonly score: string;
  /** which rows are kept; absent: as `selection.method` says */
  readonly kept?: string;
  /** rows of the group train what scores them */
  readonly trainsOnRows?: true;
}

/** Every selector, in the order in which the configuration lists them. */
export const SELECTORS = {
  bliss: {
    stage: 'bilevel',
    scoredBy: 'score-model',
    by: 'by bilevel influence scoring: by a score model that learnt which rows lower the loss on held-out text',
    score: 'logit of the score model, before the sigmoid',
    trainsOnRows: true,
  },
  random: { stage: null, scoredBy: null, by: 'by chance', score: 'null: chance has none' },
  dsir: {
    about: 'n-gram importance weights towards the validation set',
    stage: 'lexical',
    scoredBy: 'lexical',
    by: 'by importance weights of n-grams towards the validation set (DSIR)',
    score: 'log importance weight',
  },
  'quality-classifier': {
    about: 'a linear classifier of n-grams between the validation set and the corpus',
    stage: 'lexical',
    scoredBy: 'lexical',
    by: 'by a linear classifier of n-grams between the validation set and the corpus',
    score: 'logit of the classifier',
  },
  'perplexity-low': {
    about: 'rows that the warmed-up proxy finds easiest',
    stage: null,
    scoredBy: 'perplexity',
    by: 'by the loss of the warmed-up proxy, easiest first',
    score: 'minus the mean next-token loss, in nats',
  },
  'perplexity-middle': {
    about: 'rows that the warmed-up proxy finds neither easy nor hard',
    stage: null,
    scoredBy: 'perplexity',
    ranking: { method: 'middle' },
    by: 'by the loss of the warmed-up proxy, neither easy nor hard',
    score: 'minus the mean next-token loss, in nats',
    kept: 'those nearest to the median score',
  },
  mates: {
    about: 'a model of what single steps of the target do to its validation loss, by the section mates',
    stage: 'mates',
    scoredBy: 'score-model',
    ranking: { method: 'gumbel-top-k', temperature: 'mates.temperature' },
    section: 'mates',
    by: 'as MATES does: by a model that learnt to predict what a training step on a row alone does to the loss on held-out text',
    score: 'predicted influence, in standard deviations of those measured; larger is better',
    kept: 'those with the highest scores after Gumbel noise, so that `rank` is not the order of `score`',
    trainsOnRows: true,
  },
  color: {
    about: 'by how much a short fine-tune of the warmed-up proxy on the validation set lowers a row’s loss (CoLoR-Filter), by the section color',
    stage: 'color',
    scoredBy: 'color',
    by: 'by excess loss (CoLoR-Filter): the loss of the warmed-up proxy minus that of the same model after a short fine-tune on held-out text',
    score: 'mean loss under the warmed-up proxy minus mean loss under the fine-tuned one, in nats a token',
  },
  'color-target': {
    about: 'as color, with the target as each round finds it in the place of the proxy',
    stage: 'recolor',
    scoredBy: 'recolor',
    by: 'by excess loss under the target (as CoLoR-Filter): the loss of the target as the round found it minus that of the same model after a short fine-tune on held-out text',
    score: 'mean loss under the target minus mean loss under the fine-tuned one, in nats a token',
  },
  repsim: {
    about: 'similarity of last hidden states of the warmed-up proxy with those of the validation set',
    stage: 'repsim',
    scoredBy: 'repsim',
    by: 'by the similarity of their representations with those of held-out text, under the warmed-up proxy',
    score: 'mean cosine of last hidden states with those of the validation passages',
  },
  gradsim: {
    about: 'similarity of gradients at the warmed-up proxy with those of the validation set',
    stage: 'gradsim',
    scoredBy: 'gradsim',
    by: 'by the similarity of their gradients with those of held-out text, at the warmed-up proxy',
    score: 'mean cosine of the gradient with those of the validation passages',
  },
  oracle: {
    about: 'rows of the sources that the section oracle names: it is told what others must find, so it is a ceiling and no rival',
    stage: null,
    scoredBy: 'source',
    ranking: { method: 'top-k' }, // noise would let rows of other sources in
    section: 'oracle',
    by: 'by the name of their source, which was told: a ceiling, not a way of choosing',
    score: '1 of a row of a wanted source, 0 of another, plus a share of 0 to ½ by chance that orders equal ones',
  },
} as const satisfies Readonly<Record<string, SelectorRow>>;

type Table = typeof SELECTORS;
export type SelectorName = keyof Table;
export const SELECTOR_NAMES = Object.keys(SELECTORS) as SelectorName[]; // those of the table

/** Selectors that learn by a stage. */
export type SelectorOf<Stage extends LearningStageName> = { [Name in SelectorName]: Table[Name]['stage'] extends Stage ? Name : never }[SelectorName];

/** What rows may be scored by. */
export type ScoredBy = NonNullable<Table[SelectorName]['scoredBy']>;
/** Stages that say themselves how rows are scored by what they give. */
export type OwnScores = Extract<ScoredBy, LearningStageName>;
export const isOwnScore = (by: ScoredBy): by is OwnScores => isLearningStage(by);
export const SCORED_BY = [...new Set(SELECTOR_NAMES.flatMap((name) => SELECTORS[name].scoredBy ?? []))];

/** What is known of a selector. Of one that only a later version knows, whose runs lie in the same home, that is nothing. */
export const selectorRow = (name: SelectorName): SelectorRow<ScoredBy> =>
  Object.hasOwn(SELECTORS, name) ? SELECTORS[name] : { stage: null, scoredBy: null, by: `by the selector \`${name}\``, score: 'what the rows were ranked by' };

export const isSelectorOf = <Stage extends LearningStageName>(stage: Stage, name: SelectorName): name is SelectorOf<Stage> => selectorRow(name).stage === stage;
export const selectorsOf = <Stage extends LearningStageName>(stage: Stage): SelectorOf<Stage>[] => SELECTOR_NAMES.filter((name): name is SelectorOf<Stage> => isSelectorOf(stage, name));

/** Whether its rows are named (`selection.from`) in the place of what it would learn. */
export const isGiven = (name: SelectorName, { from }: { readonly from?: string | undefined }): boolean => name === 'bliss' && from !== undefined;

/** What the score model of an arm of selector bliss is given of each row besides its tokens: scores that arms of other selectors go by, and their rankings alone. */
export const FEATURES = ['color', 'color-target', 'dsir', 'quality-classifier', 'perplexity-low'] as const satisfies readonly SelectorName[];
export type FeatureName = (typeof FEATURES)[number];

/** What of the configuration says which stages an arm has. */
export interface ChoosingBy {
  readonly selection: { readonly from?: string | undefined };
  readonly bilevel: { readonly score: { readonly features?: readonly FeatureName[] | undefined } };
}

/** Features of an arm's score model, in their order. */
export const featuresOf = (name: SelectorName, { bilevel: { score } }: Pick<ChoosingBy, 'bilevel'>): readonly FeatureName[] => (selectorRow(name).stage === 'bilevel' ? (score.features ?? []) : []);

/** Stages of a round that come before its selection, in their order. */
export function scoringStages(name: SelectorName, by: ChoosingBy): readonly (LearningStageName | 'scoring')[] {
  const { stage, scoredBy } = selectorRow(name);
  if (isGiven(name, by.selection)) return [];
  return [...featuresOf(name, by).flatMap((feature) => selectorRow(feature).stage ?? []), ...(stage === null ? [] : [stage]), ...(scoredBy === null ? [] : ['scoring' as const])];
}

/** Scores by a model take a device; those of a stage's own what the stage takes. */
export const scoresOnDevice = (by: ScoredBy): boolean => by !== 'source' && (by === 'score-model' || by === 'perplexity' || resourceOf(by) === 'gpu');
