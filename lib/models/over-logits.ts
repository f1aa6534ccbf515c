import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensor/index.js';
import { linear } from './linear.js';

/** Elements of the logits held at once where nothing else is asked for. 2^26 float32 are 256 MiB: with Pythia's vocabulary 1,334 positions, a product large enough to run at full speed. */
export const LOGITS_AT_ONCE = 2 ** 26;

export interface OverLogitsInput {
  /** [d, positions] */
  readonly hidden: Tensor;
  /** [V, d] */
  readonly weight: Tensor;
  /** elements of the logits held at once; a position's are held in any case */
  readonly most: number;
}

/** positions start … start + size − 1 */
export interface PositionRange {
  readonly start: number;
  readonly size: number;
}

/**
 * What `f` makes of the logits, some positions at a time: with a large vocabulary the logits are by far the largest tensor of a step, and
 * in parts of a fixed size a part's logits and their gradient are gone before the next one's are made.
 * @param f of the logits of a range, [V, size], to any number of results [size] @returns them joined, [positions] each
 */
export function overLogits({ hidden, weight, most }: OverLogitsInput, f: (logits: Tensor, range: PositionRange) => readonly Tensor[]): readonly Tensor[] {
  const [width, positions]: number[] = hidden.shape;
  const parts = positionRanges({ positions, vocabularySize: weight.shape[0], most }).map((range) => {
    const columns = range.size === positions ? hidden : tf.slice(hidden, [0, range.start], [width, range.size]);
    return f(linear(columns, weight), range);
  });
  const [first] = parts;
  return first.map((result, i) => (parts.length === 1 ? result : tf.concat(parts.map((part) => part[i]))));
}

/** Cuts positions into as few parts as hold, sizes equal but for the last. */
export function positionRanges({ positions, vocabularySize, most }: { readonly positions: number; readonly vocabularySize: number; readonly most: number }): PositionRange[] {
  const parts = Math.ceil((positions * vocabularySize) / most);
  const size = Math.ceil(positions / Math.min(parts, positions));
  return Array.from({ length: Math.ceil(positions / size) }, (_, i) => ({ start: i * size, size: Math.min(size, positions - i * size) }));
}
