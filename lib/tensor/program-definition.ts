import type { EntryBody, ProductType, TensorSpec } from './types.js';

/** What a program is made of, before it is built: shared by the compiled and the eager way of running it. */
export interface ProgramDefinition {
  readonly name: string;
  /** insertion order is the order of state */
  readonly variables: ReadonlyMap<string, TensorSpec>;
  readonly entries: ReadonlyMap<string, EntryDefinition>;
}

export interface EntryDefinition {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly body: EntryBody;
  readonly products: ProductType;
}
