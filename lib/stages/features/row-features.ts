import { readFile } from 'node:fs/promises';
import type { Artifact } from '../../artifacts/types.js';
import type { ScoreFeatures } from '../../models/index.js';
import { type CheckpointFiles, readJson } from '../contents/index.js';
import { standardised } from './standardised.js';

/** float32 [rows, K], little-endian, by place in the group; and `ScoreFeatures` */
export const FEATURES_FILE = 'features.bin';
const FEATURES_FACTS = 'features.json';

/** φ of every row of a group. */
export class RowFeatures {
  constructor(
    readonly of: ScoreFeatures,
    /** [rows · K] */
    readonly values: Float32Array,
  ) {}

  /** @param scores by feature, those of all rows of the group */
  static fromScores(of: ScoreFeatures, scores: readonly Float32Array[]): RowFeatures {
    const columns = scores.flatMap((one) => Object.values(standardised(one)));
    if (columns.length !== of.count) throw new RangeError(`${columns.length} columns of features, not ${of.count}`);
    const [{ length: rows }] = scores;
    const values = new Float32Array(rows * of.count);
    columns.forEach((column, k) => column.forEach((value, row) => (values[row * of.count + k] = value)));
    return new RowFeatures(of, values);
  }

  /** Of a batch: a last one that is short repeats its first row, as its tokens do. @returns float32 [n · K] */
  batch(indices: Uint32Array, n: number): Float32Array {
    const { count } = this.of;
    const batch = new Float32Array(n * count);
    for (let i = 0; i < n; i++) {
      const row = indices[i < indices.length ? i : 0];
      batch.set(this.values.subarray(row * count, (row + 1) * count), i * count);
    }
    return batch;
  }
}

export function featureFiles({ of, values }: RowFeatures): CheckpointFiles {
  return { [FEATURES_FILE]: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), [FEATURES_FACTS]: JSON.stringify(of) };
}

/** What an artifact's score model sees besides tokens; undefined: nothing. */
export async function storedFeatures(artifact: Artifact): Promise<ScoreFeatures | undefined> {
  return artifact.manifest.files.some(({ name }) => name === FEATURES_FACTS) ? readJson<ScoreFeatures>(artifact, FEATURES_FACTS) : undefined;
}

export async function readRowFeatures(artifact: Artifact, of: ScoreFeatures): Promise<RowFeatures> {
  const bytes = Uint8Array.from(await readFile(await artifact.file(FEATURES_FILE)));
  return new RowFeatures(of, new Float32Array(bytes.buffer));
}
