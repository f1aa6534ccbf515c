import type { TypedArray } from './native.js';
import type { TensorSpec } from './types.js';

/** How a program's definition is run. `Program` has checked the names, shapes and dtypes it is handed. */
export interface Executor {
  /** sha256, hex */
  readonly digest: string;
  set(values: readonly { readonly name: string; readonly array: TypedArray }[]): void;
  /** @throws ProgramError for a variable that has no value yet */
  get(variables: readonly string[]): TypedArray[];
  /** @param inputs in the order of their declaration @throws ProgramError where a variable that is read has no value yet */
  call(entry: string, inputs: readonly (TensorSpec & { readonly values: TypedArray })[]): Record<string, TypedArray>;
  dispose(): void;
}
