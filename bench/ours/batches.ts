import path from 'node:path';
import { writeSafetensors } from '../../lib/models/index.js';
import { randomStream } from '../../lib/random.js';

/** Rows that both sides compute with. */
export interface RowsInput {
  readonly folder: string;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly vocabularySize: number;
  readonly seed: number;
}

/** tokens at the end of each validation row that count: a word */
const TARGET_TOKENS = 2;

/** `batches.safetensors`: `ids`, int32 [count, rows, T]. @returns the batches, [rows·T] each */
export async function writeBatches({ folder, rows, sequenceLength, count, ...input }: RowsInput & { readonly count: number }): Promise<Int32Array[]> {
  const size = rows * sequenceLength;
  const ids = words({ ...input, purpose: 'batches', size: count * size });
  await writeSafetensors({ path: path.join(folder, 'batches.safetensors'), arrays: { ids }, shapes: { ids: [count, rows, sequenceLength] } });
  return Array.from({ length: count }, (_, i) => ids.slice(i * size, (i + 1) * size));
}

/** `validation.safetensors`: `ids`, int32 [rows, T], and `mask`, float32 [rows, T], 1 where a token is a target */
export async function writeValidation({ folder, rows, sequenceLength, ...input }: RowsInput): Promise<{ readonly ids: Int32Array; readonly mask: Float32Array }> {
  const ids = words({ ...input, purpose: 'validation', size: rows * sequenceLength });
  const mask = Float32Array.from(ids, (_, i) => (i % sequenceLength >= sequenceLength - TARGET_TOKENS ? 1 : 0));
  const shape = [rows, sequenceLength];
  await writeSafetensors({ path: path.join(folder, 'validation.safetensors'), arrays: { ids, mask }, shapes: { ids: shape, mask: shape } });
  return { ids, mask };
}

/** Token ids as words are in text: the id k about as often as 1/k (log-uniform, Zipf's law). */
export function words({ purpose, size, vocabularySize, seed }: { readonly purpose: string; readonly size: number; readonly vocabularySize: number; readonly seed: number }): Int32Array {
  const random = randomStream(seed, 'bench', purpose);
  return Int32Array.from({ length: size }, () => Math.floor(vocabularySize ** random.uniform()) - 1);
}
