import { checkpoints as seriesOf } from './checkpoints.js';
import { heldBy } from './references.js';
import { openStore } from './store.js';
import type { Blobs, Manifest } from './types.js';

export interface CollectGarbage {
  readonly blobs: Blobs;
  /** runs that are there: what the store holds for them is kept, what it holds for others is let go */
  readonly runs: ReadonlySet<string>;
  /** uris of the artifacts that they refer to beside those; what any of them was made from is kept with it */
  readonly used: ReadonlySet<string>;
  /** runs that may go on: their checkpoints and fences are kept */
  readonly open: ReadonlySet<string>;
  /** runs that have ended and keep checkpoints at multiples of this step, with the fences that tell which count. @default none */
  readonly keepEvery?: ReadonlyMap<string, number>;
  /** nothing is removed */
  readonly dryRun: boolean;
}

export interface Garbage {
  readonly artifacts: Heap;
  readonly checkpoints: Heap;
  /** notes of finished stages whose results go */
  readonly notes: Heap;
  /** what was held for runs that are not there */
  readonly refs: Heap;
}
export interface Heap {
  readonly count: number;
  readonly bytes: number;
}

const ARTIFACTS = 'artifacts/';
const CHECKPOINTS = 'checkpoints/';
const FENCES = 'fences/';
const NOTES = 'stages/';
const REFS = 'refs/';
const MANIFEST = 'manifest.json';

interface Blob {
  readonly key: string;
  readonly size: number;
}

/**
 * Removes what no run refers to. Nobody may be at work on the store meanwhile: a stage that has published and not yet noted its result
 * would lose it. Interrupted, it leaves nothing that is taken for whole: notes and references go first, manifests before their files.
 */
export async function collectGarbage({ blobs, runs, used, open, keepEvery = new Map(), dryRun }: CollectGarbage): Promise<Garbage> {
  const artifacts = grouped(await blobs.list(ARTIFACTS), 2);
  const held = (await heldBy({ blobs })).flatMap(({ run, uri }) => (runs.has(run) ? [uri] : []));
  const kept = await withOrigins(blobs, artifacts, new Set([...used, ...held].map((uri) => uri.replace(/^store:/, '').split('/').slice(0, 2).join('/'))));
  const goes = [...artifacts].filter(([folder]) => !kept.has(folder));

  const notes: Blob[] = [];
  for (const note of await blobs.list(NOTES)) {
    const folders = [...(await readText(blobs, note)).matchAll(/store:(artifacts\/[^/"]+)\//g)].map((match) => match[1]);
    if (folders.some((folder) => !kept.has(folder))) notes.push(note);
  }
  const refs = (await blobs.list(REFS)).filter(({ key }) => !runs.has(key.split('/')[1]));
  const checkpoints: (readonly [string, readonly Blob[]])[] = [];
  for (const [folder, files] of [...grouped(await blobs.list(CHECKPOINTS), 2), ...grouped(await blobs.list(FENCES), 2)]) {
    const [, run] = folder.split('/');
    if (open.has(run)) continue;
    const every = keepEvery.get(run);
    if (every === undefined) checkpoints.push([folder, files]);
    else if (folder.startsWith(CHECKPOINTS)) checkpoints.push(...(await surplus({ blobs, run, folder, files, every })));
  }

  if (!dryRun) {
    for (const { key } of notes) {
      await blobs.delete(key);
      await blobs.delete(key.replace(NOTES, 'inputs/')); // what its key was made of
    }
    for (const { key } of refs) await blobs.delete(key);
    for (const [, files] of [...goes, ...checkpoints]) for (const { key } of files.toSorted(manifestsFirst)) await blobs.delete(key);
  }
  const heap = (groups: readonly (readonly [string, readonly Blob[]])[]): Heap => ({ count: groups.length, bytes: sum(groups.flatMap(([, files]) => files)) });
  return { artifacts: heap(goes), checkpoints: heap(checkpoints.filter(([folder]) => folder.startsWith(CHECKPOINTS))), notes: { count: notes.length, bytes: sum(notes) }, refs: { count: refs.length, bytes: sum(refs) } };
}

/** Of a run that keeps some of its checkpoints: the files of those that it does not keep. */
async function surplus({ blobs, run, folder, files, every }: { readonly blobs: Blobs; readonly run: string; readonly folder: string; readonly files: readonly Blob[]; readonly every: number }): Promise<readonly (readonly [string, readonly Blob[]])[]> {
  const begun = (await blobs.list(`${FENCES}${run}/`)).flatMap(({ key }) => /^fences\/[^/]+\/(.+)\/begun-[^/]+$/.exec(key)?.[1] ?? []);
  const goes = new Set<string>();
  for (const stage of new Set(begun)) {
    for (const key of await seriesOf({ store: openStore({ blobs }), run, stage }).discardable({ keepEvery: every })) goes.add(key);
  }
  const found = files.filter(({ key }) => goes.has(key));
  return found.length === 0 ? [] : [[folder, found]];
}

const sum = (blobs: readonly Blob[]): number => blobs.reduce((total, { size }) => total + size, 0);

const manifestsFirst = (a: Blob, b: Blob): number => Number(b.key.endsWith(MANIFEST)) - Number(a.key.endsWith(MANIFEST)) || (a.key < b.key ? -1 : 1);

/** by the first parts of their keys */
function grouped(blobs: readonly Blob[], parts: number): Map<string, Blob[]> {
  const groups = new Map<string, Blob[]>();
  for (const blob of blobs) {
    const folder = blob.key.split('/').slice(0, parts).join('/');
    const group = groups.get(folder);
    if (group === undefined) groups.set(folder, [blob]);
    else group.push(blob);
  }
  return groups;
}

/** What artifacts were made from, and what that was made from: they could not be explained, nor made again, without it. */
async function withOrigins(blobs: Blobs, artifacts: ReadonlyMap<string, readonly Blob[]>, roots: ReadonlySet<string>): Promise<Set<string>> {
  const kept = new Set<string>();
  const waiting = [...roots];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const manifest = artifacts.get(folder)?.find(({ key }) => key.endsWith(`/${MANIFEST}`));
    if (kept.has(folder) || manifest === undefined) continue;
    kept.add(folder);
    const { lineage } = JSON.parse(await readText(blobs, manifest)) as Pick<Manifest, 'lineage'>; // written by our own store
    for (const { sha256 } of Object.values(lineage.inputs)) waiting.push(`${ARTIFACTS}${sha256}`);
  }
  return kept;
}

const readText = async (blobs: Blobs, { key, size }: Blob): Promise<string> => Buffer.from(await blobs.getRange(key, 0, size)).toString('utf8');
