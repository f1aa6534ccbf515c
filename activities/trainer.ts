import type { StageTask } from '../lib/stages/execution/execute.js';
import type { StageProgress, StageResult } from '../lib/stages/types.js';

export interface TrainerRun {
  readonly task: StageTask;
  readonly home: string;
  onProgress(progress: StageProgress): void;
  onPhase(phase: string): void;
  onCheckpoint(checkpoint: { readonly step: number; readonly bytes: number; readonly seconds: number }): void;
  onEvent(event: { readonly name: string; readonly detail: string }): void;
  onNote(text: string): void;
  /** aborts: the stage is asked to save a checkpoint and end */
  readonly stop: AbortSignal;
  /** aborts: its process is killed, and the run rejects with the signal's reason */
  readonly abandon: AbortSignal;
}

/** The stage failed and said why. */
export class StageFailed extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    readonly fix: string | undefined,
    readonly childStack: string | undefined,
  ) {
    super(message);
    this.name = 'StageFailed';
  }
}

/** The trainer's process ended without a word: killed, or a native crash. */
export class TrainerCrashed extends Error {
  override readonly name = 'TrainerCrashed';
}

/** The trainer's process said nothing for longer than it may, and was ended by its worker. */
export class TrainerSilent extends Error {
  override readonly name = 'TrainerSilent';
}

export interface Trainer {
  run(run: TrainerRun): Promise<StageResult>;
  /** ends idle children */
  close(): void;
}
