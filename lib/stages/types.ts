import type { z } from 'zod';
import type { stageInputSchemas } from '../../config/inputs/stages.js';
import type { RunConfig } from '../../config/schema.js';
import type { DivergenceConfig } from '../../config/sections/divergence.js';
import type { MatesConfig } from '../../config/sections/mates.js';
import type { ModelConfig, WhichModel } from '../../config/sections/models.js';
import type { ScoredBy } from '../../config/tables/selectors.js';
import type { LearningStageName, StageName } from '../../config/tables/stages.js';
import type { Artifact, Ref } from '../artifacts/types.js';
import type { Store } from '../artifacts/index.js';
import type { DataWait, Feeder, OpenFeeder, RowIdsFolder, WaitClock } from '../data/index.js';
import type { ProgramCache } from '../programs/index.js';
import type { LearntTable } from '../report/types.js';
import type { CheckpointFiles } from './contents/index.js';

/** What stages take that is written out here. */
interface WrittenInputs {
  prepare: PrepareInput;
  selection: SelectionInput;
  importing: ImportingInput;
  training: TrainingInput;
  bilevel: BilevelInput;
  mates: MatesInput;
  scoring: ScoringInput;
  evaluation: EvaluationInput;
  report: ReportInput;
}
/** The stages by name, each with what it takes: as written here, else as its schema has it. Inputs are plain JSON: configuration, seeds and references, never data. */
export type StageInputs = WrittenInputs & { readonly [Name in Exclude<StageName, keyof WrittenInputs>]: z.output<(typeof stageInputSchemas)[Name]> };

export type { StageName } from '../../config/tables/stages.js';

export interface PrepareInput {
  readonly data: RunConfig['data'];
  readonly tokenizer: RunConfig['tokenizer'];
  readonly heldOut: RunConfig['heldOut'];
  readonly vocabularySize: number;
  /** shard groups: one for the warm-ups and one a round */
  readonly groups: number;
  readonly seed: string;
  /** folder that relative paths start from; no part of the stage's key */
  readonly configFolder: string;
}

export interface SelectionInput {
  readonly selector: RunConfig['comparison']['arms'][number]['selector'];
  readonly fraction: number;
  readonly method: RunConfig['selection']['method'] | 'middle';
  readonly temperature: number;
  /** `deviations`: the temperature counts in standard deviations of the scores. @default 'logits' */
  readonly temperatureIn?: 'deviations';
  readonly trainedRows: RunConfig['selection']['trainedRows'];
  /** absent: rows lose nothing by it */
  readonly redundancy?: RunConfig['selection']['redundancy'];
  readonly corpus: Ref;
  readonly group: number;
  /** scores of all rows of the group, in parts; needed by `bliss` */
  readonly scores: readonly Ref[];
  readonly seed: string;
  /** rows of these ids instead, of whichever group: then of all others corpus alone counts. Of where they lie the stage's key knows nothing */
  readonly ids?: RowIdsFolder;
}

/** The weights of a folder as transformers saves a model, to go on from. */
export interface ImportingInput {
  /** what they must be of */
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  /** for people; no part of the stage's key */
  readonly which: WhichModel;
  /** as the configuration names it; no part of the stage's key, as `configFolder` */
  readonly folder: string;
  /** folder that a relative path starts from */
  readonly configFolder: string;
}

/** Warm-ups, pretraining and the decay branch: one stage, told apart by schedule and start. */
export interface TrainingInput {
  readonly purpose: 'warm-up' | 'pretraining' | 'decay';
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  /** selection whose rows it trains on */
  readonly selection: Ref;
  /** initial weights by seed, or the state to go on from with its optimizer */
  readonly start: { readonly seed: string } | { readonly state: Ref };
  readonly steps: number;
  readonly batchSize: number;
  /** rows held at once; the whole batch where absent */
  readonly microBatchSize?: number;
  readonly schedule:
    | { readonly type: 'wsd'; readonly peak: number; readonly warmUpSteps: number }
    | { readonly type: 'decay'; readonly peak: number; readonly halfLife: number };
  readonly gradientClip: number;
  readonly adam: RunConfig['pretraining']['adam'];
  readonly checkpointEvery: number;
  /** the held-out loss of the weights as they are, every so many steps and after the last; changes none of them. absent: not taken */
  readonly heldOut?: { readonly corpus: Ref; readonly set: 'tuning' | 'test'; readonly every: number; readonly batchSize: number };
  /** what to do about numbers gone bad; absent: stop where one is no number */
  readonly divergence?: DivergenceConfig;
  readonly compiler: RunConfig['runtime']['compiler'];
  readonly precision: RunConfig['runtime']['precision'];
  readonly recompute: RunConfig['runtime']['recompute'];
  /** what to do under another numerics fingerprint; no part of the stage's key */
  readonly numerics: RunConfig['runtime']['numerics'];
  readonly seed: string;
}

export interface BilevelInput {
  readonly bilevel: RunConfig['bilevel'];
  readonly models: RunConfig['models'];
  readonly sequenceLength: number;
  readonly corpus: Ref;
  readonly group: number;
  /** θ_p⁰, where the proxy starts in every round */
  readonly proxy: Ref;
  /** θ_r, frozen */
  readonly target: Ref;
  /** θ_s of the round before; absent in round 1: backbone of θ_p⁰ and a fresh head */
  readonly scorer: Ref | null;
  /** what the score model's features are scores by, in their order; absent: it has none */
  readonly features?: readonly { readonly by: ScoredBy; readonly scorer: Ref }[];
  /** what to do about numbers gone bad; absent: stop where one is no number */
  readonly divergence?: DivergenceConfig;
  readonly compiler: RunConfig['runtime']['compiler'];
  readonly precision: RunConfig['runtime']['precision'];
  readonly recompute: RunConfig['runtime']['recompute'];
  /** what to do under another numerics fingerprint; no part of the stage's key */
  readonly numerics: RunConfig['runtime']['numerics'];
  readonly seed: string;
}

/** What single steps of the target do to the validation loss, and a model of it. */
export interface MatesInput {
  /** the temperature is selection's */
  readonly mates: Omit<MatesConfig, 'temperature'>;
  readonly models: RunConfig['models'];
  readonly sequenceLength: number;
  /** which tokens of a validation example count */
  readonly validationLoss: RunConfig['bilevel']['validationLoss'];
  /** of the probes' steps: those of pretraining, whose moments they go on from */
  readonly adam: RunConfig['pretraining']['adam'];
  readonly gradientClip: number;
  readonly corpus: Ref;
  readonly group: number;
  /** θ_p⁰, whose backbone the influence model begins with */
  readonly proxy: Ref;
  /** θ_r with its optimizer, which is probed */
  readonly target: Ref;
  readonly compiler: RunConfig['runtime']['compiler'];
  readonly precision: RunConfig['runtime']['precision'];
  readonly recompute: RunConfig['runtime']['recompute'];
  /** what to do under another numerics fingerprint; no part of the stage's key */
  readonly numerics: RunConfig['runtime']['numerics'];
  readonly seed: string;
}

export interface ScoringInput {
  readonly models: RunConfig['models'];
  readonly sequenceLength: number;
  readonly batchSize: number;
  readonly corpus: Ref;
  readonly group: number;
  /** shards [first, end) of the group */
  readonly shards: { readonly first: number; readonly end: number };
  /** what `by` says of it: θ_s, a language model's state, or n-gram weights */
  readonly scorer: Ref;
  /** `perplexity`: minus the mean next-token loss, nats. @default 'score-model' */
  readonly by?: ScoredBy;
  /** of `by: source`: whose rows are wanted, and what orders equal ones */
  readonly oracle?: { readonly sources: readonly string[]; readonly seed: string };
  readonly compiler: RunConfig['runtime']['compiler'];
  readonly precision: RunConfig['runtime']['precision'];
}

export interface EvaluationInput {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  readonly sequenceLength: number;
  readonly corpus: Ref;
  readonly state: Ref;
  readonly sets: RunConfig['evaluation']['sets'];
  readonly batchSize: number;
  readonly compiler: RunConfig['runtime']['compiler'];
  /** zero-shot tasks, absent where there are none; of where their items lie the stage's key knows nothing */
  readonly tasks?: {
    readonly of: NonNullable<RunConfig['evaluation']['tasks']>;
    /** folder that relative paths start from */
    readonly folder: string;
  };
}

export interface ReportInput {
  readonly run: string;
  readonly config: RunConfig;
  /** every finished stage in canonical order, by reference; runs that earlier versions began have them here */
  readonly stages: Ref | readonly FinishedStage[];
  /** where the run took over what another had finished */
  readonly forked?: Forked;
  /** stages that the run has gone on without; absent: none */
  readonly failed?: readonly FailedStage[];
}

/** A stage that failed for good. */
export interface FailedStage {
  /** `seed-0/bliss/round-1/evaluation` */
  readonly stage: string;
  readonly seed: number | null;
  readonly arm: string | null;
  readonly round: number | null;
  readonly reason: string;
}

/** A run that begins with what another has finished. */
export interface Forked {
  /** name of the other run */
  readonly from: string;
  /** the first stage of its own, in each arm that both have: `round-2/selection` */
  readonly stage: string;
}

/** One finished stage, as the pipeline remembers it. */
export interface FinishedStage {
  /** `seed-0/bliss/round-1/scoring` */
  readonly stage: string;
  readonly name: StageName;
  readonly seed: number | null;
  readonly arm: string | null;
  readonly round: number | null;
  readonly results: readonly StageResult[];
}

/** What a stage gives: one artifact and a few facts. */
export interface StageResult {
  readonly ref: Ref;
  readonly summary: Readonly<Record<string, unknown>>;
  /** found finished, not computed */
  readonly cached: boolean;
}

export interface StageOutput {
  readonly kind: string;
  /** files of the artifact, in `context.scratch` or below */
  readonly folder: string;
  /** sha256 of the canonical content */
  readonly digest: string;
  readonly summary: Readonly<Record<string, unknown>>;
}

/** A stage is a function from artifacts to one artifact. It knows neither Temporal nor where it runs. */
export interface Stage<Name extends StageName = StageName> {
  readonly name: Name;
  /** raised when equal inputs may give other results */
  readonly version: number;
  /** what decides the result and is not in the input: digests of source files */
  keyParts?(input: StageInputs[Name]): Promise<unknown>;
  /** the input as far as it decides the result; default: all of it */
  keyInput?(input: StageInputs[Name]): unknown;
  run(input: StageInputs[Name], context: StageContext): Promise<StageOutput>;
}

/** A stage by which an arm learns in each round what rows are worth. */
export interface LearningStage<Name extends LearningStageName = LearningStageName> extends Stage<Name> {
  /** how much there is to do in a round, by the configuration */
  work(config: RunConfig): Work;
  /** how it has fared, for the report; absent: the report has nothing of it, or a section made for it */
  readonly table?: LearntTable;
}

/** One that says itself how rows are scored by what it gives. */
export interface RatingStage<Name extends LearningStageName = LearningStageName> extends LearningStage<Name> {
  readonly openRater: OpenRater;
  /** forward passes of its model that a row's score takes, where it takes a device. @default 1 */
  readonly passes?: number;
  /** @default 'proxy' */
  readonly passesThrough?: WhichModel;
}

/** What is known of the rows of a batch besides their tokens. */
export interface RatedRows {
  /** places in the group */
  readonly indices: Uint32Array;
  readonly ids: readonly string[];
  readonly sources: readonly string[];
}
/** Scores of a batch of rows. @param tokens int32 [batchSize × T], rows one after the other. @returns float32 [batchSize], larger is better */
export type Rater = (tokens: Int32Array, rows: RatedRows) => Float32Array;
export type OpenRater = (from: { readonly input: ScoringInput; readonly scorer: Artifact; readonly context: StageContext }) => Promise<Rater>;

/** How much there is to do in a stage, and to keep of it. */
export interface Work {
  /** what its rate counts */
  readonly amount: number;
  readonly unit: 'tokens' | 'rows' | 'weights';
  /** of matrix products; 0 for stages without tensors */
  readonly flops: number;
  /** of what it leaves behind, about */
  readonly bytes: number;
  /** the stage may end by itself before all of it is done */
  readonly atMost?: true;
}

export interface StageContext {
  readonly store: Store;
  /** empty folder of this attempt; removed afterwards */
  readonly scratch: string;
  readonly programs: ProgramCache;
  /** the newest complete checkpoint of this stage, if any */
  readonly resume: { readonly step: number; readonly artifact: Artifact } | undefined;
  /** batches of a dataset, read ahead; the feeder ends with the stage */
  feed(options: Omit<OpenFeeder, 'clock'>): Promise<Feeder>;
  /** counts what the loop of steps waits for its data: feeders do so themselves, other reading by `during` */
  readonly waiting: WaitClock;
  /** real progress: becomes the heartbeat. Yields to the event loop, so that stop requests are heard. */
  progress(progress: StageProgress): Promise<void>;
  /** milliseconds after which a step in several parts says between them how far it is */
  readonly hearEveryMs: number;
  /** says what is being done while no step counts: `compiling` */
  phase(name: string): Promise<void>;
  /** appends one line of what the configuration determines */
  metrics(record: Readonly<Record<string, number | string | readonly number[]>>): void;
  /** something that a reader of the stage's log must know */
  event(name: string, detail: string): void;
  /** something that a reader of the stage's result must know: shown beside it, and part of its summary */
  note(text: string): void;
  /**
   * Has a checkpoint published of these files, as they and the metrics are now, and returns while that goes on; waits for the one
   * before. What cannot be saved ends the stage at its next progress; however a stage ends, it does after its save.
   */
  checkpoint(save: CheckpointSave): Promise<void>;
  /** The newest checkpoint, one of this attempt included; undefined: the stage's start. Metrics of later steps are forgotten: the stage appends them again. */
  goBack(): Promise<StageContext['resume']>;
  /** lines of the run's timings so far: what the clock did, for the report only */
  timings(): Promise<readonly string[]>;
  /** the reason why the stage shall end at its next checkpoint, if it shall */
  stopReason(): string | undefined;
}

export interface StageProgress {
  readonly step: number;
  readonly of: number;
  /** it may be over before `of`: the stage ends by itself */
  readonly atMost?: boolean;
  /** `rows` or `tokens` done in all, for the rate */
  readonly amount?: { readonly value: number; readonly unit: 'rows' | 'tokens' };
  readonly metrics?: Readonly<Record<string, number>>;
  /** what this attempt's loop has waited for data so far: added by what surrounds the stage */
  readonly dataWait?: DataWait;
}

export interface CheckpointSave {
  readonly step: number;
  /** what it holds: asked for when the save before is over, so that no two states are held at once */
  files(): CheckpointFiles;
}
