/**
 * Everything the report shows, as plain data; whoever fills it reads artifacts, the report reads nothing.
 * Losses are mean next-token cross-entropies in nats a token. Lists may be empty: the section then says so.
 */
export interface ReportData {
  readonly run: string;
  /** how the run's state is called: `done`, or what is missing */
  readonly state?: string;
  /** the resolved configuration */
  readonly configYaml: string;
  /** arms in the order of `comparison.arms` */
  readonly arms: readonly ReportArm[];
  /** which arm is measured against which; the last round's test loss decides. @default the first `bliss` arm against the first `random` arm */
  readonly verdict?: { readonly arm: string; readonly against: string };
  /** one a seed, arm, round and held-out set */
  readonly metrics: readonly EvaluationPoint[];
  /** for losses by byte of text, which tokenizers have in common; absent: not counted */
  readonly textBytes?: readonly TextBytes[];
  /** evaluations that failed for good, while the run went on; absent: none */
  readonly missing?: readonly MissingEvaluation[];
  /** one a seed, arm, round, zero-shot task and metric; absent where there are no tasks */
  readonly tasks?: readonly TaskPoint[];
  /** training loss of the target, one a seed and arm (warm-up: arm null) */
  readonly training: readonly TrainingCurve[];
  /** one a seed, arm and round */
  readonly bilevel: readonly BilevelCurve[];
  /** rank correlation at which the learning of scores stops by itself; absent where it has no such stop */
  readonly stopsAt?: number;
  /** how stages by which arms learn have fared, where they tell; absent where there are none */
  readonly learnt?: readonly LearntFigures[];
  /** one a seed, arm and round, also for `random` (its scores then absent) */
  readonly selections: readonly SelectionFacts[];
  readonly samples: readonly SampleGroup[];
  /** one a seed, arm and round whose rows were scored; absent where none were, or where a report is made of less */
  readonly separations?: readonly SourceSeparation[];
  /** absent where a report is made of less */
  readonly comparison?: ArmComparison;
  readonly timings: readonly StageTiming[];
  readonly lineage: readonly LineageEntry[];
  /** `weights`, `scores`, `selection`, `metrics` → hex */
  readonly digests: Readonly<Record<string, string>>;
  /** name → value, as `TensorFlow` → `2.18.0 (CPU)`; the numerics fingerprint and whether it changed in the run are part of it */
  readonly environment: Readonly<Record<string, string | number | boolean | null>>;
  /** things a reader must know: `seed 1 not bit-comparable from step 40` */
  readonly notes?: readonly string[];
}

/** What is told of arms side by side, besides their losses. */
export interface ArmComparison {
  /** of a's selected rows the share that b selected too, mean over seeds and rounds; for each two arms, both ways */
  readonly overlaps: readonly { readonly a: string; readonly b: string; readonly share: number }[];
  /** of choosing rows: learning, scoring and selecting */
  readonly costs: readonly ArmCost[];
  /** that the target is trained on */
  readonly tokens: { readonly warmUp: number; readonly round: number };
}

/** What an arm spent to choose its rows, all seeds and rounds together; what was found finished cost nothing. */
export interface ArmCost {
  readonly arm: string;
  readonly seconds: number;
  /** of matrix products */
  readonly flops: number;
  /** of one round of one seed, whoever computed it: what the arm would take on its own. seconds are null where a stage was found finished everywhere */
  readonly perRound?: { readonly seconds: number | null; readonly flops: number };
}

export interface ReportArm {
  readonly name: string;
  readonly selector: string;
}

/** One evaluation: an arm after a round of one seed. Losses in nats. */
export interface EvaluationPoint {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly set: 'tuning' | 'test';
  readonly loss: number;
  readonly lossStandardError: number;
  /** standard error of `loss` minus that of the first random arm after the same round, paired by passage: much smaller than the two apart */
  readonly pairedStandardError?: number;
  readonly perplexity: number;
  readonly lastWordLoss: number;
  readonly lastWordAccuracy: number;
  readonly lastWordAccuracyStandardError: number;
}

/** Of one seed's held-out set: the tokens that its losses are of, and the bytes of text that they stand for. */
export interface TextBytes {
  readonly seed: number;
  readonly set: 'tuning' | 'test';
  readonly tokens: number;
  readonly bytes: number;
}

/** An arm after a round of one seed that nobody has figures of. */
export interface MissingEvaluation {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly reason: string;
}

/** A figure on a zero-shot task: an arm after a round of one seed. */
export interface TaskPoint {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly task: string;
  readonly metric: 'acc' | 'acc_norm' | 'perplexity';
  readonly items: number;
  readonly value: number;
  /** over items; none of a single one */
  readonly standardError: number | null;
  /** of `value` minus that of the first random arm after the same round, paired by item; shares only */
  readonly pairedStandardError?: number;
}

export interface TrainingCurve {
  readonly seed: number;
  /** null: the warm-up that all arms share */
  readonly arm: string | null;
  /** steps counted over the whole run, warm-up included */
  readonly points: readonly { readonly step: number; readonly loss: number }[];
  /** held-out losses on the way, of weights that are not decayed; tokens counted from the target's first. absent: none were taken */
  readonly heldOut?: readonly { readonly tokens: number; readonly loss: number }[];
}

/** How a stage by which arms learn has fared: a table with a line a seed, arm and round, of figures of the stage's summary. */
export interface LearntTable {
  /** of the section */
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly columns: readonly { readonly name: string; /** field of the summary, a number */ readonly of: string; readonly as: 'count' | 'figures' | 'percent' | 'correlation' }[];
  /** how it is read */
  readonly note?: string;
}

export interface LearntFigures extends LearntTable {
  readonly rows: readonly { readonly seed: number; readonly arm: string; readonly round: number; /** a column each */ readonly values: readonly number[] }[];
}

export interface BilevelCurve {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  /** rank correlation of the scores of fixed rows with those of the time before, at the steps where it was measured; absent where it was not */
  readonly ranks?: readonly { readonly step: number; readonly correlation: number }[];
  /** one an outer step, or fewer */
  readonly points: readonly {
    readonly step: number;
    /** F(θ_p) on validation */
    readonly upperLoss: number;
    /** G, of the last inner step */
    readonly lowerLoss: number;
    /** ‖∇Φ‖ before clipping */
    readonly hypergradientNorm: number;
    /** ‖z‖ */
    readonly zNorm: number;
    /** of z and the z of the outer step before; 0 in the first, NaN where not recorded */
    readonly zCosine: number;
    /** ‖v − (H + δI) z‖ / ‖v‖; NaN where not recorded */
    readonly relativeResidual: number;
  }[];
}

/** What the selection of one round is made of. */
export interface SelectionFacts {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly rows: number;
  readonly selectedRows: number;
  readonly sources: readonly {
    readonly source: string;
    /** rows of the group */
    readonly rows: number;
    readonly selectedRows: number;
  }[];
  /** counts by source over common edges, `edges.length − 1` bins; of the logit before the sigmoid. Absent for arms without scores. */
  readonly histogram?: {
    readonly edges: readonly number[];
    readonly counts: readonly { readonly source: string; readonly counts: readonly number[] }[];
    /** logit of the last row selected */
    readonly threshold?: number;
  };
  /** share of the target source (the held-out text's) among the selected; null where no row is left to count */
  readonly precision?: {
    readonly targetSources: readonly string[];
    readonly all: number | null;
    /** the same without rows that trained the scorer */
    readonly withoutTrainedRows: number | null;
    readonly trainedRowsSelected: number;
  };
}

/** How well the scores of one round tell sources apart. The sources are the same, in the same order, in all of a run; where they are many, the last stands for the small ones. */
export interface SourceSeparation {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly sources: readonly {
    readonly source: string;
    /** of the group */
    readonly rows: number;
    /** for each of the sources, how often a row of this source has a higher score than one of that source, ties counting half: the area under the ROC curve. null for itself, and where one has no rows */
    readonly over: readonly (number | null)[];
    /** the same over the rows of all other sources together */
    readonly overRest: number | null;
    /** deviation of its scores over that of all scores; null where all are equal */
    readonly spread: number | null;
  }[];
  /** root mean square of the deviations within sources over the deviation of all scores: 0 where a score follows from the source, 1 where it has nothing to do with it */
  readonly spread: number | null;
}

export interface SampleGroup {
  readonly seed: number;
  readonly arm: string;
  readonly round: number;
  readonly place: 'top' | 'border' | 'bottom';
  readonly samples: readonly {
    readonly id: string;
    readonly source: string;
    /** logit; absent for arms without scores */
    readonly score?: number;
    readonly selected: boolean;
    readonly trainedScorer?: boolean;
    readonly text: string;
  }[];
}

export interface StageTiming {
  /** `seed-0/bliss/round-1/scoring` */
  readonly stage: string;
  /** seconds of computing, over all attempts */
  readonly seconds: number;
  readonly attempts: number;
  readonly cached: boolean;
  /** how long its steps waited for data, of how long they went on, over all attempts; absent where nothing was recorded */
  readonly dataWait?: { readonly seconds: number; readonly of: number };
}

export interface LineageEntry {
  readonly stage: string;
  readonly kind: string;
  /** digest of the canonical content, hex */
  readonly digest: string;
  /** sha256 of the manifest, hex */
  readonly sha256: string;
  readonly size: number;
  readonly codeVersion: string;
  /** input name → digest, hex */
  readonly inputs: Readonly<Record<string, string>>;
}
