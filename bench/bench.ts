import type { PyTorch } from './pytorch.js';

/** What a bench is given. */
export interface BenchContext {
  readonly pyTorch: PyTorch;
  /** timed repetitions of each side */
  readonly repeats: number;
  /** time each side also where no other process is there */
  readonly alone: boolean;
  /** PyTorch also with a malloc that keeps its memory */
  readonly tuned: boolean;
  /** only these of its models or cases; all by default */
  readonly only: readonly string[];
  /** what is being done, for whoever waits */
  readonly say: (text: string) => void;
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A measurement that can be repeated by name. Its data are plain JSON, and its tables are made of them alone. */
export interface Bench<Data> {
  readonly name: string;
  /** one line for the list */
  readonly about: string;
  /** names that `--model` takes */
  readonly cases: readonly string[];
  run(context: BenchContext): Promise<Data>;
  tables(data: Data): readonly Table[];
  /** those of them that the documentation shows. @default all */
  shown?(data: Data): readonly Table[];
}
