import type { Store } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import { keyContentOf, type KeyContent } from '../../lib/stages/execution/execute.js';
import type { FinishedRun } from '../finished-run.js';
import { differences, differenceText } from '../plan/differences.js';

/**
 * Whether runs of one configuration read the same files: paths may be of other folders, and files may have changed. Told by what the keys of their stages
 * were made of, in the first seed of each.
 * @returns notes of what a reader must know
 * @throws BlissError Usage naming the files that differ
 */
export async function checkSameFiles({ store, runs }: { readonly store: Store; readonly runs: readonly FinishedRun[] }): Promise<readonly string[]> {
  const notes = new Set<string>();
  const [first, ...others] = await Promise.all(runs.map(async (run) => ({ run: run.run, contents: await contentsOf(store, run) })));
  for (const { run, contents } of others) {
    for (const [stage, content] of contents) {
      const before = first.contents.get(stage);
      if (before === undefined || content === undefined) {
        notes.add(`whether ${first.run} and ${run} read the same files is not on record for ${stage}`);
        continue;
      }
      const found = differences(withoutCode(before.parts), withoutCode(content.parts));
      if (found.length > 0) throw new BlissError({ code: 'Usage', message: `${first.run} and ${run} did not read the same files: ${differenceText(found)}`, where: stage, fix: 'join runs over the same files; a table of each: `bliss compare RUN`' });
      if (before.version !== content.version) notes.add(`${stage}: version ${before.version} of the stage made it for ${first.run}, version ${content.version} for ${run}`);
    }
  }
  return [...notes];
}

/** By path without the seed, of stages that read files. undefined: not on record */
async function contentsOf(store: Store, { config, stages }: FinishedRun): Promise<ReadonlyMap<string, KeyContent | undefined>> {
  const [seed] = config.seeds;
  const contents = new Map<string, KeyContent | undefined>();
  for (const { stage, name, results } of stages.filter((one) => one.seed === seed)) {
    const { manifest } = await store.open(results[0].ref);
    const { key } = manifest.lineage;
    const content = key === undefined ? undefined : await contentOf(store, key);
    // every corpus is made from files; of other stages, those whose keys say so
    if (name === 'prepare' || (content !== undefined && content.parts !== null)) contents.set(stage.replace(/^seed-\d+\//, ''), content);
  }
  return contents;
}

async function contentOf(store: Store, key: string): Promise<KeyContent | undefined> {
  const name = keyContentOf(key);
  const found = (await store.blobs.list(name)).find((one) => one.key === name);
  return found === undefined ? undefined : (JSON.parse(Buffer.from(await store.blobs.getRange(name, 0, found.size)).toString('utf8')) as KeyContent); // written by our own stages
}

/** Which version of the program it was is no file. */
function withoutCode(parts: unknown): unknown {
  if (typeof parts !== 'object' || parts === null || !('code' in parts)) return parts;
  const { code: _, ...rest } = parts;
  return rest;
}
