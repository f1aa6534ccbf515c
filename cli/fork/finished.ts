import { heldBy, type Store } from '../../lib/artifacts/index.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { readFinishedStages } from '../../lib/stages/finished-stages.js';
import type { FinishedStage, StageResult } from '../../lib/stages/types.js';
import { planStages } from '../../workflows/plan.js';
import type { PipelineInput } from '../../workflows/types.js';
import { madeIn } from '../made.js';
import { stageNameOf } from '../view/index.js';

/**
 * What a run has finished so far, whether it has ended or not: what the store holds for it, what workers of earlier versions wrote down, and the artifacts' own manifests.
 * @throws BlissError ArtifactMissing, DataCorrupt
 */
export async function finishedStages({ home, store, input }: { readonly home: Home; readonly store: Store; readonly input: PipelineInput }): Promise<readonly FinishedStage[]> {
  const made = madeIn({ folder: home.run(input.run), held: await heldBy({ blobs: store.blobs, run: input.run }) });
  const finished = new Map((input.known === undefined ? [] : await readFinishedStages({ store, ref: input.known })).map((stage) => [stage.stage, stage]));
  for (const stage of planStages(input.config)) {
    const name = stageNameOf(stage);
    if (name === undefined) continue; // the report
    const corpus = finished.get(`${stage.split('/')[0]}/prepare`);
    const [, arm, round] = /^seed-\d+\/([^/]+)\/round-(\d+)\//.exec(stage) ?? [];
    const uris = name === 'scoring' ? partsOf({ stage, made, shards: shardsOf(corpus, Number(round)) }) : [made.get(stage)].filter((uri) => uri !== undefined);
    if (uris.length === 0) continue;
    const results: StageResult[] = [];
    for (const uri of uris) {
      const { result, madeBy } = await resultOf(store, uri);
      if (madeBy !== name) throw new BlissError({ code: 'DataCorrupt', where: uri, message: `it is on record as what ${stage} of ${input.run} gave, and a ${madeBy} stage made it`, fix: `take the run to its end by \`bliss resume ${input.run}\`, which looks finished stages up by their keys` });
      results.push(result);
    }
    finished.set(stage, { stage, name, seed: Number(/^seed-(\d+)/.exec(stage)?.[1]), arm: arm ?? null, round: round === undefined ? null : Number(round), results });
  }
  return [...finished.values()];
}

const shardsOf = (corpus: FinishedStage | undefined, group: number): number => {
  const shards = corpus?.results[0].summary['shards'];
  return Array.isArray(shards) ? Number(shards[group]) : 0;
};

/** Shard ranges in their order; none where some are still to come. */
function partsOf({ stage, made, shards }: { readonly stage: string; readonly made: ReadonlyMap<string, string>; readonly shards: number }): string[] {
  const parts = [...made].flatMap(([path, uri]) => {
    const [, first, end] = new RegExp(`^${stage}/shards-(\\d+)-(\\d+)$`).exec(path) ?? [];
    return first === undefined ? [] : [{ first: Number(first), end: Number(end), uri }];
  });
  const uris: string[] = [];
  let at = 0;
  for (const { first, end, uri } of parts.sort((a, b) => a.first - b.first)) {
    if (first !== at) return [];
    at = end;
    uris.push(uri);
  }
  return at === shards ? uris : [];
}

/** What is in the store under such a name, as the stage that made it gave it. @throws BlissError ArtifactMissing, DataCorrupt */
export async function resultOf(store: Store, uri: string): Promise<{ readonly result: StageResult; readonly madeBy: string; readonly stageVersion: number }> {
  const named = { uri, sha256: uri.split('/').at(-2) ?? '', size: 0, digest: '' };
  const { manifest } = await store.open(named);
  const size = manifest.files.reduce((sum, file) => sum + file.size, 0);
  return { result: { ref: { ...named, size, digest: manifest.digest }, summary: manifest.summary, cached: true }, madeBy: manifest.lineage.stage, stageVersion: manifest.lineage.stageVersion };
}
