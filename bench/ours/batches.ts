import path from 'node:path';
import { writeSafetensors } from '../../lib/models/index.js';
import { randomStream } from '../../lib/random.js';

export interface BatchesInput {
  /** `batches.safetensors` is written here: `ids`, int32 [count, rows, T] */
  readonly folder: string;
  readonly count: number;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly vocabularySize: number;
  readonly seed: number;
}

/** Token ids drawn as words are in text: the id k about as often as 1/k (log-uniform, Zipf's law). */
export async function writeBatches({ folder, count, rows, sequenceLength, vocabularySize, seed }: BatchesInput): Promise<Int32Array[]> {
  const random = randomStream(seed, 'bench', 'batches');
  const size = rows * sequenceLength;
  const ids = Int32Array.from({ length: count * size }, () => Math.floor(vocabularySize ** random.uniform()) - 1);
  await writeSafetensors({ path: path.join(folder, 'batches.safetensors'), arrays: { ids }, shapes: { ids: [count, rows, sequenceLength] } });
  return Array.from({ length: count }, (_, i) => ids.slice(i * size, (i + 1) * size));
}
