import { ProgramError } from './errors.js';
import { tf } from './tf.js';
import type { DType, Shape } from './types.js';

export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** The native module under tfjs-node, as far as programs use it. Tensors and models are numbers that must be freed. */
export interface NativeBinding {
  createTensor(shape: readonly number[], dtype: number, values: TypedArray): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TypedArray;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** names are joined with commas: `node:index` */
  runSavedModel(model: number, inputs: readonly number[], inputNames: string, outputNames: string): { readonly id: number }[];
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_Version: string;
}

export function nativeBinding(): NativeBinding {
  // the tensorflow backend keeps its binding as a public field that tfjs' types leave out
  const backend: unknown = tf.engine().findBackend('tensorflow');
  if (typeof backend === 'object' && backend !== null && 'binding' in backend) return backend.binding as NativeBinding;
  throw new ProgramError('tensor', "tfjs' tensorflow backend is not there");
}

/** One call of the session: feeds by name, fetches by name. Frees every native tensor, whatever happens. */
export interface SessionRun {
  readonly binding: NativeBinding;
  readonly model: number;
  readonly feeds: readonly { readonly name: string; readonly shape: Shape; readonly dtype: DType; readonly values: TypedArray }[];
  readonly fetches: readonly string[];
}

export function runSession({ binding, model, feeds, fetches }: SessionRun): TypedArray[] {
  const types: Readonly<Record<DType, number>> = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL };
  const live: number[] = [];
  try {
    for (const { shape, dtype, values } of feeds) live.push(binding.createTensor([...shape], types[dtype], values));
    const outputs = binding.runSavedModel(model, [...live], feeds.map((feed) => feed.name).join(','), fetches.join(','));
    live.push(...outputs.map((output) => output.id));
    return outputs.map((output) => binding.tensorDataSync(output.id));
  } finally {
    for (const id of live) binding.deleteTensor(id);
  }
}
