import type { RunConfig } from '../config/schema.js';
import type { Ref } from '../lib/artifacts/types.js';
import type { EvaluationPoint, TaskPoint } from '../lib/report/types.js';
import type { FailedStage, Forked } from '../lib/stages/types.js';

/** Task queue per resource class. Workflows run on the CPU queue. */
export const CPU_QUEUE = 'bliss-cpu';
export const GPU_QUEUE = 'bliss-gpu';
/** Activities of a moment, which must not wait behind stages of hours; the CPU workers listen on it too. */
export const CONTROL_QUEUE = 'bliss-control';

/** Argument of the `pipeline` workflow; its workflow id is the run's name. */
export interface PipelineInput {
  readonly run: string;
  readonly config: RunConfig;
  /** folder that relative paths of the configuration start from */
  readonly configFolder: string;
  /** '' takes finished stages of any run; anything else only what was computed under the same scope: `--fresh` gives each run one of its own */
  readonly scope: string;
  /** device-hours of all executions of the run together after which it pauses */
  readonly gpuHours?: number;
  /** stages that are finished before it begins; they are not looked up, hence may have been made under another configuration */
  readonly known?: Ref;
  /** those are another run's */
  readonly forked?: Forked;
  /** it goes on for an execution of the same run whose history was full, steered as that one was */
  readonly continued?: Steering;
  /** whether noise of a selection is its arm's own, or that of all arms, as earlier versions drew it; absent: as the execution's history has it */
  readonly noise?: 'arm' | 'shared';
  /** stages that it had gone on without by then: none of them is tried again in this execution */
  readonly failed?: readonly FailedStage[];
}

export interface PipelineResult {
  readonly run: string;
  readonly digests: RunDigests;
  readonly metrics: readonly ArmMetrics[];
  /** on zero-shot tasks after the last round; absent where there are none */
  readonly tasks?: readonly TaskPoint[];
  /** the report as an artifact; the run's folder has it as report.html */
  readonly report: Ref;
  /** where people ended the run after an earlier round than the configuration's last */
  readonly stoppedAfterRound?: number;
  /** stages that it has gone on without (`evaluation.onFailure: continue`), in canonical order; absent: none */
  readonly failed?: readonly FailedStage[];
}

/** `failures` of a pipeline's memo: stages that have failed for good so far; absent: none. */
export interface FailuresMemo {
  readonly count: number;
  /** the last few, oldest first */
  readonly newest: readonly FailedStage[];
}

/** Digests over canonical content of all seeds and arms. Equal for equal configurations. */
export interface RunDigests {
  readonly weights: string;
  readonly scores: string;
  readonly selection: string;
  readonly metrics: string;
}

/** One evaluation: an arm after a round. Losses in nats. */
export type ArmMetrics = EvaluationPoint;

/** Answer of the `progress` query of the pipeline: stages in canonical order. */
export interface PipelineProgress {
  readonly stages: readonly { readonly stage: string; readonly state: 'waiting' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled' }[];
  readonly steering: Steering;
}

/** What people asked of a run since it began; the answer of every update. */
export interface Steering {
  /** no stage runs, and none begins, until it is resumed */
  readonly paused: boolean;
  /** device-hours after which it pauses; absent: none */
  readonly gpuHours?: number;
  /** it is paused since they are spent */
  readonly spent?: boolean;
  /** the last round; absent: the configuration's */
  readonly stopAfterRound?: number;
}
