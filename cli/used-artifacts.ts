import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { heldBy, KEPT, type HeldArtifact, type Store } from '../lib/artifacts/index.js';
import { BlissError } from '../lib/errors.js';
import type { Home, RunFolder } from '../lib/home.js';
import { readFinishedStages, reportedStages } from '../lib/stages/finished-stages.js';
import { finishedIn, isFinished, type Timing } from '../lib/timings.js';
import type { PipelineInput } from '../workflows/types.js';
import { madeIn } from './made.js';
import { readJson, readOutcome } from './runs.js';
import { readProgress } from './view/index.js';

/** What the runs of a home refer to. */
export interface Used {
  /** those that are there, whatever their folders still say */
  readonly runs: ReadonlySet<string>;
  /** uris of artifacts, beside those that the store holds for them: of runs that earlier versions began */
  readonly artifacts: ReadonlySet<string>;
  /** runs that have not ended as done, or whose folder does not say with what they began: their checkpoints stay */
  readonly open: ReadonlySet<string>;
  /** of the others, those that keep checkpoints at multiples of a step: which */
  readonly keepEvery: ReadonlyMap<string, number>;
}

/** @throws BlissError Usage for an open run of which nothing says what it has made, and where all runs' folders are gone at once */
export async function usedArtifacts({ home, store }: { readonly home: Home; readonly store: Store }): Promise<Used> {
  const held = await heldBy({ blobs: store.blobs });
  if (!existsSync(home.runs) && held.length > 0) {
    throw new BlissError({ code: 'Usage', message: 'the folder of all runs is not there, and the store holds what they have made', where: home.runs, fix: 'bring it back, or make an empty one to give them all up' });
  }
  const runs = new Set(existsSync(home.runs) ? readdirSync(home.runs, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [] : [entry.name])) : []);
  const artifacts = new Set<string>();
  const open = new Set<string>();
  const keepEvery = new Map<string, number>();
  for (const run of runs) {
    const folder = home.run(run);
    const outcome = readOutcome(folder);
    const input = readJson<PipelineInput>(folder.input);
    const finished = finishedIn(existsSync(folder.timings) ? readFileSync(folder.timings, 'utf8') : '');
    const made = [
      ...finished.flatMap(({ artifact }) => artifact ?? []),
      ...(reportedStages(folder) ?? []).flatMap(({ results }) => results.map(({ ref }) => ref.uri)),
      ...listsOf(folder),
      ...(input?.known === undefined ? [] : [input.known.uri]),
      ...(outcome?.result === undefined ? [] : [outcome.result.report.uri]),
    ];
    for (const uri of made) artifacts.add(uri);
    // which checkpoints it asked to keep stands in its input alone: where that is lost it keeps them all
    if (outcome?.state === 'done' && input !== undefined) {
      const every = input.config.worker.keepCheckpointsEvery ?? 0;
      if (every > 0) keepEvery.set(run, every);
      continue;
    }
    open.add(run);
    await checkNothingLost({ store, run, folder, finished, held: held.filter((one) => one.run === run), known: input?.known?.uri });
  }
  return { runs, artifacts, open, keepEvery };
}

/** Lists of finished stages, as earlier versions wrote them down. */
const listsOf = ({ keptStages }: RunFolder): string[] => (existsSync(keptStages) ? readFileSync(keptStages, 'utf8').split('\n').filter((uri) => uri !== '') : []);

interface CheckNothingLost {
  readonly store: Store;
  readonly run: string;
  readonly folder: RunFolder;
  readonly finished: readonly Timing[];
  readonly held: readonly HeldArtifact[];
  /** list that the run began with */
  readonly known: string | undefined;
}

/** The store holds what a stage has made before anything says that it is done; of stages that earlier versions finished only a line says it, which may be lost. */
async function checkNothingLost({ store, run, folder, finished, held, known }: CheckNothingLost): Promise<void> {
  const told = madeIn({ folder, held });
  const done = [...finished, ...readProgress(folder).filter((stage) => stage.attempt > 0 && isFinished(stage))].map(({ stage }) => stage);
  let missing = done.filter((stage) => !told.has(stage));
  for (const uri of missing.length === 0 ? [] : [...held.flatMap((one) => (one.stage === KEPT ? [one.uri] : [])), ...listsOf(folder), ...(known === undefined ? [] : [known])]) {
    const listed = await readFinishedStages({ store, ref: { uri, sha256: uri.split('/').at(-2) ?? '', size: 0, digest: '' } });
    missing = missing.filter((stage) => !listed.some((one) => stage === one.stage || stage.startsWith(`${one.stage}/`)));
  }
  if (missing.length === 0) return;
  throw new BlissError({ code: 'Usage', message: `the run ${run} has not ended, and nothing says what ${missing[0]} of it has made, which an earlier version finished`, where: folder.root, fix: `take it to its end by \`bliss resume ${run}\`, or remove its folder` });
}
