import { existsSync, readFileSync } from 'node:fs';
import type { HeldArtifact } from '../lib/artifacts/index.js';
import type { RunFolder } from '../lib/home.js';
import { finishedIn } from '../lib/timings.js';

/**
 * What each stage of a run, or each part of one, has made, by uri. The store tells it: what a stage gave is held there before anything says that it is
 * done. Of stages that earlier versions finished only lines of the run's timings do. Of a stage that was finished more than once, as after a resume, the
 * last counts.
 * @param held by the store for this run
 */
export function madeIn({ folder, held }: { readonly folder: RunFolder; readonly held: readonly HeldArtifact[] }): ReadonlyMap<string, string> {
  const lines = finishedIn(existsSync(folder.timings) ? readFileSync(folder.timings, 'utf8') : '');
  return new Map([...lines.flatMap(({ stage, artifact }) => (artifact === undefined ? [] : [[stage, artifact] as const])), ...held.map(({ stage, uri }) => [stage, uri] as const)]);
}
