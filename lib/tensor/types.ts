import type { Tensor } from '@tensorflow/tfjs-node-gpu';

export type DType = 'float32' | 'int32' | 'bool';
export type Shape = readonly number[];
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}
/** tensors by checkpoint name: what a step function takes and gives */
export type NamedTensors = Readonly<Record<string, Tensor>>;
/** plain arrays by checkpoint name: what crosses into JavaScript */
export type NamedArrays = Readonly<Record<string, Float32Array | Int32Array>>;
export type Shapes = Readonly<Record<string, Shape>>;

/** What an entry point may do besides computing. */
export interface EntryIO {
  /** the variable's value at the start of the call. @throws if the program has no such variable */
  read(name: string): Tensor;
  /** the variable's value from the end of the call on. @throws if shape or dtype differ */
  assign(name: string, value: Tensor): void;
}
/** What matrix products are computed in: `bfloat16` rounds both operands and the product; everything between stays float32. */
export type ProductType = 'float32' | 'bfloat16';

export interface EntryOptions {
  /** @default 'float32' */
  readonly products?: ProductType;
}
export type EntryBody = (inputs: NamedTensors, io: EntryIO) => NamedTensors;

export interface ProgramOptions {
  /** `xla`: traced, compiled by XLA. `graph`: traced, TensorFlow's own kernels. `eager`: the same source op by op, for tests. */
  readonly mode: 'xla' | 'graph' | 'eager';
  /** folder for the SavedModel while it loads; a temporary one by default */
  readonly scratch?: string;
}
