import type { StepNumbers } from './ours/subject.js';

export type SubjectName = 'training-step' | 'outer-step' | 'scoring' | 'feeding' | 'checkpointing' | 'whole-run' | 'product' | 'scale-stage' | 'scale-selection';

/** What the driver asks of a process that computes steps, and what it answers. */
export type Request = Prepare | Repeat | OneStep | Listen;

export interface Prepare {
  readonly ask: 'prepare';
  readonly subject: SubjectName;
  /** weights and data: written by our side, read by the other */
  readonly folder: string;
  readonly spec: object;
  /** of one op */
  readonly threads: number;
  /** first steps, whose numbers are answered */
  readonly checked: number;
}

export interface Repeat {
  readonly ask: 'repeat';
  /** steps before the clock starts: after another process' turn the caches are its own, and threads sleep */
  readonly untimed: number;
  readonly steps: number;
}

/** one step, for its numbers; of our side only */
export interface OneStep {
  readonly ask: 'step';
}

/** the profiler server is started; of our side only */
export interface Listen {
  readonly ask: 'listen';
  readonly port: number;
}

export interface Answers {
  readonly prepare: {
    readonly steps: readonly StepNumbers[];
    /** from the request to the end of the first steps: loading, tracing, compiling */
    readonly seconds: number;
    /** of TensorFlow or PyTorch */
    readonly version: string;
  };
  readonly repeat: {
    /** of one step, mean over the repetition */
    readonly milliseconds: number;
  };
  readonly step: {
    readonly numbers: StepNumbers;
  };
  readonly listen: Readonly<Record<string, never>>;
}
