import type { Store } from '../../artifacts/index.js';
import type { Lineage, Ref } from '../../artifacts/types.js';
import type { FinishedStage } from '../types.js';

/** One artifact that went into another, by the stage that made it. */
export interface Ancestor extends Lineage {
  /** `seed-0/bliss/round-1/scoring[0]`: a part has its number, where there are several */
  readonly path: string;
  readonly digest: string;
  /** of its manifest */
  readonly sha256: string;
}

export interface LineageOf {
  readonly store: Store;
  readonly refs: readonly Ref[];
  /** of the run; what they did not make is named by those that took it, and not followed further */
  readonly stages: readonly FinishedStage[];
}

/** These artifacts and all that they were made from, each once, after what it was made from. @throws BlissError ArtifactMissing, DataCorrupt */
export async function lineageOf({ store, refs, stages }: LineageOf): Promise<readonly Ancestor[]> {
  const made = new Map<string, { readonly path: string; readonly ref: Ref }>();
  for (const { stage, results } of stages) {
    for (const [i, { ref }] of results.entries()) if (!made.has(ref.sha256)) made.set(ref.sha256, { path: results.length === 1 ? stage : `${stage}[${i}]`, ref });
  }
  const seen = new Set<string>();
  const found: Ancestor[] = [];
  const visit = async (sha256: string): Promise<void> => {
    const known = made.get(sha256);
    if (known === undefined || seen.has(sha256)) return;
    seen.add(sha256);
    const { lineage, digest } = (await store.open(known.ref)).manifest;
    for (const input of Object.values(lineage.inputs)) await visit(input.sha256);
    found.push({ path: known.path, digest, sha256, ...lineage });
  };
  for (const { sha256 } of refs) await visit(sha256);
  return found;
}
