import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import type { FinishedStage } from '../lib/stages/types.js';
import { parseTimings } from '../lib/timings.js';
import type { PipelineInput } from '../workflows/types.js';
import { listRuns, readJson, readOutcome } from './runs.js';

/** What the runs of a home refer to. */
export interface Used {
  /** uris of artifacts */
  readonly artifacts: ReadonlySet<string>;
  /** runs that have not ended as done */
  readonly open: ReadonlySet<string>;
  /** of the others, those that keep checkpoints at multiples of a step: which */
  readonly keepEvery: ReadonlyMap<string, number>;
}

/** @throws BlissError Usage for an open run whose folder does not say what it has made */
export function usedArtifacts(home: Home): Used {
  const artifacts = new Set<string>();
  const open = new Set<string>();
  const keepEvery = new Map<string, number>();
  for (const { run } of listRuns(home)) {
    const folder = home.run(run);
    const outcome = readOutcome(folder);
    const finished = parseTimings(existsSync(folder.timings) ? readFileSync(folder.timings, 'utf8') : '').filter(({ state }) => state === 'done' || state === 'cached');
    for (const { artifact } of finished) if (artifact !== undefined) artifacts.add(artifact);
    for (const { results } of readJson<readonly FinishedStage[]>(path.join(folder.root, 'stages.json')) ?? []) for (const { ref } of results) artifacts.add(ref.uri);
    if (existsSync(folder.keptStages)) for (const uri of readFileSync(folder.keptStages, 'utf8').split('\n')) if (uri !== '') artifacts.add(uri);
    const known = readJson<PipelineInput>(folder.input)?.known;
    if (known !== undefined) artifacts.add(known.uri);
    if (outcome?.result !== undefined) artifacts.add(outcome.result.report.uri);
    if (outcome?.state === 'done') {
      const every = readJson<PipelineInput>(folder.input)?.config.worker.keepCheckpointsEvery ?? 0;
      if (every > 0) keepEvery.set(run, every);
      continue;
    }
    open.add(run);
    if (finished.some(({ artifact }) => artifact === undefined)) {
      throw new BlissError({ code: 'Usage', message: `the run ${run} has not ended, and an earlier version did not write down what it has made`, where: folder.root, mend: `take it to its end by \`bliss resume ${run}\`, or remove its folder` });
    }
  }
  return { artifacts, open, keepEvery };
}
