import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { GptNeoXConfig, LlamaConfig } from '../../lib/models/index.js';
import { randomStream } from '../../lib/random.js';
import { tf, type NamedArrays, type NamedTensors, type Shapes } from '../../lib/tensor/index.js';

export const vocabularySize = 24;
/** logits of five positions: of rows of eight tokens, three or four, several parts with a remainder */
export const fivePositions = 5 * vocabularySize;

/** one block, heads of 8 of which 2 dimensions turn; weights large enough that every part of the model matters */
export const tinyConfig: GptNeoXConfig = {
  architecture: 'gpt-neox',
  layers: 1,
  width: 32,
  heads: 4,
  rotaryFraction: 0.25,
  rotaryBase: 10_000,
  layerNormEpsilon: 1e-5,
  initStandardDeviation: 0.2,
};

/** two queries to a key head, heads of 4 whose halves turn together, tied embeddings */
export const tinyLlama: LlamaConfig = {
  architecture: 'llama',
  layers: 1,
  width: 16,
  heads: 4,
  keyValueHeads: 2,
  intermediate: 12,
  rotaryBase: 10_000,
  rmsNormEpsilon: 1e-5,
  tieEmbeddings: true,
  initStandardDeviation: 0.3,
};

export function randomIds({ rows, length, seed }: { rows: number; length: number; seed: number }): number[][] {
  const random = randomStream('tiny ids', seed);
  return Array.from({ length: rows }, () => Array.from({ length }, () => random.below(vocabularySize)));
}

export const tinyIds: readonly (readonly number[])[] = randomIds({ rows: 3, length: 8, seed: 0 });

export const idsOf = (rows: readonly (readonly number[])[]): Tensor => tf.tensor2d(rows.map((row) => [...row]), undefined, 'int32');

export function tensorsOf(arrays: NamedArrays, shapes: Shapes): NamedTensors {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, tf.tensor(array.slice(), [...shapes[name]], 'float32')]));
}

/** moves norms and biases off 1 and 0, so that a gradient or a name mixed up shows */
export function unsettle(arrays: NamedArrays, seed: number): NamedArrays {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      const random = randomStream('unsettle', seed, name);
      return [name, Float32Array.from(array, (x) => x + 0.05 * random.normal())];
    }),
  );
}
