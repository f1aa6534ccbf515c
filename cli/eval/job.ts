import type { TaskMetric } from '../../lib/evaluation/index.js';
import type { ErrorAnswer } from '../output.js';

/** What `bliss eval` asks its process for. Plain JSON; paths are absolute. */
export interface EvalJob {
  /** root of the home */
  readonly home: string;
  readonly model: ModelSource;
  /** where relative paths start */
  readonly folder: string;
  /** task and the file, glob or folder of its items, or the files that were found; absent: the task's own */
  readonly tasks: readonly { readonly name: string; readonly path?: string | readonly string[] }[];
  readonly limit: number | null;
  readonly batchSize: number;
  /** T where it is not the model's own */
  readonly maxLength: number | null;
  readonly compiler: 'xla' | 'graph';
  /** folder of the results */
  readonly output: string;
}

/** A model as a person names it, and where it lies. */
export type ModelSource =
  | { readonly type: 'folder'; readonly named: string; readonly folder: string }
  | { readonly type: 'run'; readonly named: string; readonly run: string; readonly seed: number; readonly arm: string; readonly round: number };

/** What the process says. */
export type FromEval =
  | { readonly type: 'phase'; readonly phase: string }
  | { readonly type: 'progress'; readonly done: number; readonly of: number }
  | { readonly type: 'done'; readonly answer: EvalAnswer }
  | { readonly type: 'failed'; readonly error: ErrorAnswer };

export interface EvalAnswer {
  readonly model: string;
  readonly tasks: readonly EvaluatedTask[];
  /** the file with everything, and those of the samples */
  readonly results: string;
  readonly samples: readonly string[];
}

export interface EvaluatedTask {
  readonly task: string;
  readonly version: number;
  readonly items: number;
  /** documents there are */
  readonly documents: number;
  readonly metrics: readonly TaskMetric[];
  readonly cut: { readonly requests: number; readonly continuations: number };
}
