import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestJson, hold, KEPT, type Store } from '../artifacts/index.js';
import type { Ref } from '../artifacts/types.js';
import type { Home, RunFolder } from '../home.js';
import { openScratch } from './execution/scratch.js';
import type { FinishedStage } from './types.js';

/** of such an artifact, and of a report's */
export const STAGES_FILE = 'stages.json';

/**
 * What stages of a run have given, as an artifact: a run of hundreds of rounds has more of them than travel in one piece. What they made counts as
 * what it is made from, so that it is kept with it.
 * @param folder empty, to write into
 */
export async function publishFinishedStages({ store, stages, folder }: { readonly store: Store; readonly stages: readonly FinishedStage[]; readonly folder: string }): Promise<Ref> {
  await writeFile(path.join(folder, STAGES_FILE), JSON.stringify(stages, null, 1));
  const made = stages.flatMap(({ stage, results }) => results.map(({ ref }, i) => [`${stage}[${i}]`, { sha256: ref.sha256, digest: ref.digest }] as const));
  return store.publish({
    kind: 'finished-stages',
    folder,
    digest: digestJson(stages),
    lineage: { stage: 'finished-stages', stageVersion: 1, inputs: Object.fromEntries(made) },
    summary: { stages: stages.length },
  });
}

/**
 * Publishes them by way of a scratch folder of the home.
 * @param run holds them for this run: its history alone has the reference, and garbage collection reads none. Absent: what the caller writes down names them
 */
export async function keepFinishedStages({ store, home, stages, run }: { readonly store: Store; readonly home: Home; readonly stages: readonly FinishedStage[]; readonly run?: string }): Promise<Ref> {
  const scratch = await openScratch(path.join(home.root, 'scratch'));
  try {
    const folder = path.join(scratch.folder, 'stages');
    await mkdir(folder);
    const ref = await publishFinishedStages({ store, stages, folder });
    if (run !== undefined) await hold({ blobs: store.blobs, run, stage: KEPT, ref });
    return ref;
  } finally {
    await scratch.remove();
  }
}

/** @throws BlissError ArtifactMissing, DataCorrupt */
export async function readFinishedStages({ store, ref }: { readonly store: Store; readonly ref: Ref }): Promise<readonly FinishedStage[]> {
  return JSON.parse(await readFile(await (await store.open(ref)).file(STAGES_FILE), 'utf8')) as FinishedStage[]; // published above
}

/** What a finished run has given, as its report lists it: the report's own list, laid into the run's folder. undefined: none is there, or none that can be read */
export function reportedStages({ root }: RunFolder): readonly FinishedStage[] | undefined {
  try {
    return JSON.parse(readFileSync(path.join(root, STAGES_FILE), 'utf8')) as readonly FinishedStage[]; // written by our report stage
  } catch {
    return undefined;
  }
}
