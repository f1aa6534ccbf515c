import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelConfig } from '../../config/sections/models.js';
import type { NamedArrays, NamedTensors, Shapes } from '../tensor/index.js';
import { sizeOf } from '../tensor/shapes.js';

/** A batch of packed rows: int32 [n, T], every id within the vocabulary. Its shape says n and T. */
export type TokenIds = Tensor;

export interface ModelOptions {
  /** compute each block again in the backward pass instead of keeping its activations. @default false */
  readonly recomputeBlocks?: boolean;
  /** elements of the logits held at once by the losses that are made of them; a position's are held in any case. Changes no value but by rounding. @default LOGITS_AT_ONCE */
  readonly logitsAtOnce?: number;
}

export interface ForwardInput {
  /** weights by checkpoint name, float32 */
  readonly params: NamedTensors;
  readonly ids: TokenIds;
  /** true: position t sees positions ≤ t only */
  readonly causal: boolean;
  /** float32 [T]: 1 where a position may be seen, 0 where no other sees it, as padding; all by default. Held until the backward pass is through */
  readonly seen?: Tensor;
}

export interface InitInput {
  readonly vocabularySize: number;
  /** key of the random stream; give proxy and target different ones: `${seed}/proxy` */
  readonly seed: number | string;
}

/**
 * A language model as pure functions of named tensors. Names, shapes and layouts are those of the Hugging Face checkpoint
 * (Linear weights [out, in]), so that a state is a checkpoint and nothing is ever transposed on the way in or out.
 */
export interface Model {
  readonly config: ModelConfig;
  /** @see ModelOptions */
  readonly logitsAtOnce: number;
  /** every tensor by checkpoint name, in the checkpoint's order */
  shapes(vocabularySize: number): Shapes;
  /** the same without the output projection: what a score model takes over */
  backboneShapes(vocabularySize: number): Shapes;
  /** after the final norm: [d, n·T]; column i·T + t is position t of sample i */
  hidden(input: ForwardInput): Tensor;
  /** the output projection, [V, d]: times `hidden` it makes the logits */
  outputWeight(params: NamedTensors): Tensor;
  /** [n·T, V], all of them at once; row i·T + t predicts token t+1 of sample i. Steps use `overLogits`, which holds a part at a time. */
  logits(input: ForwardInput): Tensor;
  /** fresh weights: a pure function of (seed, tensor name) */
  init(input: InitInput): NamedArrays;
}

/** Number of weights. */
export function parameterCount(shapes: Shapes): number {
  return Object.values(shapes).reduce((total, shape) => total + sizeOf(shape), 0);
}

/** @throws TypeError unless ids are int32 [n, T] */
export function batchShape(ids: TokenIds): readonly [n: number, T: number] {
  const [n, length, ...others]: readonly (number | undefined)[] = ids.shape;
  if (n === undefined || length === undefined || others.length > 0 || ids.dtype !== 'int32') {
    throw new TypeError(`token ids are int32 [n, T], not ${ids.dtype} [${ids.shape.join(', ')}]`);
  }
  return [n, length];
}
