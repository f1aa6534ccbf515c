import type { Artifact } from '../../artifacts/types.js';
import type { NumericsFingerprint } from '../../tensor/index.js';
import { readJson } from './corpus.js';

/** `numerics.json` of checkpoints and states: what may have changed the bits, and since which step. */
export interface NumericsRecord extends NumericsFingerprint {
  /** first step that was not computed as the stage's first one was; null where all were */
  readonly notBitComparableFromStep: number | null;
}
export const NUMERICS_FILE = 'numerics.json';

/** Of an artifact that was computed step by step. */
export async function readNumerics(artifact: Artifact): Promise<NumericsRecord | undefined> {
  return artifact.manifest.files.some(({ name }) => name === NUMERICS_FILE) ? readJson<NumericsRecord>(artifact, NUMERICS_FILE) : undefined;
}
