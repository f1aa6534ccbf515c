import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson, type Store } from '../artifacts/index.js';
import type { Ref } from '../artifacts/types.js';
import type { FinishedStage } from './types.js';

const FILE = 'stages.json';

/**
 * What stages of a run have given, as an artifact: a run of hundreds of rounds has more of them than travel in one piece. What they made counts as
 * what it is made from, so that it is kept with it.
 * @param folder empty, to write into
 */
export async function publishFinishedStages({ store, stages, folder }: { readonly store: Store; readonly stages: readonly FinishedStage[]; readonly folder: string }): Promise<Ref> {
  await writeFile(path.join(folder, FILE), JSON.stringify(stages, null, 1));
  const made = stages.flatMap(({ stage, results }) => results.map(({ ref }, i) => [`${stage}[${i}]`, { sha256: ref.sha256, digest: ref.digest }] as const));
  return store.publish({
    kind: 'finished-stages',
    folder,
    digest: digestJson(stages),
    lineage: { stage: 'finished-stages', stageVersion: 1, inputs: Object.fromEntries(made) },
    summary: { stages: stages.length },
  });
}

/** @throws BlissError ArtifactMissing, DataCorrupt */
export async function readFinishedStages({ store, ref }: { readonly store: Store; readonly ref: Ref }): Promise<readonly FinishedStage[]> {
  return JSON.parse(await readFile(await (await store.open(ref)).file(FILE), 'utf8')) as FinishedStage[]; // published above
}
