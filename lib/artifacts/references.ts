import { keyOf } from './open.js';
import { MANIFEST } from './publish.js';
import type { Blobs, Ref } from './types.js';

/*
 * What runs refer to, said by names alone, so that no reader meets half of it:
 *
 *     refs/<run>/<stage>/000001-<sha256 of manifest>     the first artifact that the stage gave
 *     refs/<run>/kept/…, refs/<run>/chosen/<seed>/…      what a run refers to beside its stages
 *
 * A stage may give another artifact when it is begun anew, as by a later version: each is held, the one of the highest number is what it gave last.
 * They stay for as long as the run's folder does: garbage collection, forks and exports go by them.
 */
const ROOT = 'refs/';
const ARTIFACTS = 'artifacts';
const WIDTH = 6;
const KEY = /^refs\/([^/]+)\/(.+)\/(\d{6,})-([0-9a-f]{64})$/;

/** Beside its stages: what a run knew to be finished before one of its executions began, another run's or its own. */
export const KEPT = 'kept';
/** Beside its stages: what it takes of another run's selection, for a seed. */
export const chosenFor = (seed: number): string => `chosen/seed-${seed}`;

export interface HeldArtifact {
  readonly run: string;
  /** `seed-0/bliss/round-1/scoring/shards-0-2` */
  readonly stage: string;
  /** of its manifest */
  readonly uri: string;
}

/** Idempotent. What is held is not collected as garbage: nothing may say that a stage is done before its result is. @throws BlissError DiskFull */
export async function hold({ blobs, run, stage, ref }: { readonly blobs: Blobs; readonly run: string; readonly stage: string; readonly ref: Ref }): Promise<void> {
  const id = keyOf(ref).split('/').at(-2) ?? '';
  const last = numbered(await blobs.list(`${ROOT}${run}/${stage}/`)).findLast((one) => one.stage === stage);
  // two attempts at once may take one number: each then has a name of its own
  if (last?.id !== id) await blobs.putIfAbsent(`${ROOT}${run}/${stage}/${String((last?.number ?? 0) + 1).padStart(WIDTH, '0')}-${id}`, new Uint8Array());
}

/** What runs refer to, each stage's in the order in which it gave them. @param run default: of all */
export async function heldBy({ blobs, run }: { readonly blobs: Blobs; readonly run?: string }): Promise<readonly HeldArtifact[]> {
  const found = numbered(await blobs.list(run === undefined ? ROOT : `${ROOT}${run}/`));
  return found.map(({ id, run: of, stage }) => ({ run: of, stage, uri: `store:${ARTIFACTS}/${id}/${MANIFEST}` }));
}

/** Of a run that was given up: its name is another's now. */
export async function letGo({ blobs, run }: { readonly blobs: Blobs; readonly run: string }): Promise<void> {
  for (const { key } of await blobs.list(`${ROOT}${run}/`)) await blobs.delete(key);
}

function numbered(blobs: Awaited<ReturnType<Blobs['list']>>): { readonly run: string; readonly stage: string; readonly number: number; readonly id: string }[] {
  const found = blobs.flatMap(({ key }) => {
    const [, run, stage, number, id] = KEY.exec(key) ?? [];
    return run === undefined ? [] : [{ run, stage, number: Number(number), id }];
  });
  return found.sort((a, b) => a.number - b.number);
}
