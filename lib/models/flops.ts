import type { ModelConfig } from '../../config/sections/models.js';
import { familyOf } from './families/index.js';

export interface FlopsInput {
  readonly model: ModelConfig;
  readonly vocabularySize: number;
  /** T */
  readonly sequenceLength: number;
}

/** of one token, a multiplication and an addition counted as two */
export interface Flops {
  readonly forward: number;
  /** forward and backward, which multiplies by each weight twice more; nothing that is computed again counts */
  readonly training: number;
}

/**
 * Of the matrix products, which are nearly all: weights, attention over all T positions (the masked half is computed too), and the output projection.
 * Looking a token up in the embedding is none.
 */
export function flopsPerToken({ model, vocabularySize, sequenceLength }: FlopsInput): Flops {
  const { layers, width } = model;
  const forward = 2 * (layers * familyOf(model).weightsOfABlock(model) + vocabularySize * width) + layers * 4 * sequenceLength * width;
  return { forward, training: 3 * forward };
}
