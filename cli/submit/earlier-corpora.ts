import { fileBlobs, heldBy, openStore } from '../../lib/artifacts/index.js';
import type { Ref } from '../../lib/artifacts/types.js';
import { BlissError } from '../../lib/errors.js';
import type { Home } from '../../lib/home.js';
import { packageVersion } from '../../lib/package-root.js';
import { keepFinishedStages, readFinishedStages } from '../../lib/stages/finished-stages.js';
import { dealt, prepare } from '../../lib/stages/prepare.js';
import type { FinishedStage } from '../../lib/stages/types.js';
import type { PipelineInput } from '../../workflows/types.js';
import { resultOf } from '../fork/index.js';
import { madeIn } from '../made.js';

/**
 * What a run that is started again begins with: the corpora that it prepared under an earlier version of that stage. Under today's they would not be
 * found, another corpus would be made, and all that the run has made of its own would be of no use.
 * @returns undefined where it has none
 */
export async function withEarlierCorpora({ home, input }: { readonly home: Home; readonly input: PipelineInput }): Promise<Ref | undefined> {
  const store = openStore({ blobs: fileBlobs({ root: home.store }), codeVersion: packageVersion() });
  const known = input.known === undefined ? [] : await readFinishedStages({ store, ref: input.known });
  const stages = new Map(known.map((stage) => [stage.stage, stage]));
  const made = madeIn({ folder: home.run(input.run), held: await heldBy({ blobs: store.blobs, run: input.run }) });
  for (const seed of input.config.seeds) {
    const stage = `seed-${seed}/prepare`;
    const uri = made.get(stage);
    if (uri === undefined || stages.has(stage)) continue;
    const corpus = await resultOf(store, uri).catch(gone);
    if (corpus === undefined || (corpus.stageVersion >= prepare.version && corpus.result.summary['dealt'] === dealt(input.config.heldOut).dealt)) continue;
    const finished: FinishedStage = { stage, name: 'prepare', seed, arm: null, round: null, results: [corpus.result] };
    stages.set(stage, finished);
  }
  if (stages.size === known.length) return input.known;
  return keepFinishedStages({ store, home, stages: [...stages.values()], run: input.run });
}

/** What was removed is prepared anew. */
function gone(error: unknown): undefined {
  if (error instanceof BlissError && error.code === 'ArtifactMissing') return undefined;
  throw error;
}
