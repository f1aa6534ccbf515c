import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileBlobs, openStore } from '../lib/artifacts/index.js';
import { BlissError } from '../lib/errors.js';
import type { Home } from '../lib/home.js';
import { readFinishedStages } from '../lib/stages/finished-stages.js';
import type { RenderReport } from '../lib/stages/report/report.js';
import type { PipelineInput } from '../workflows/types.js';
import { readJson, readOutcome, requireRecord } from './runs.js';

/** What the report of a finished run is made from. */
export type FinishedRun = Pick<RenderReport, 'run' | 'config' | 'stages' | 'timings' | 'forked' | 'failed'>;

export interface OpenFinishedRun {
  readonly home: Home;
  readonly run: string;
  readonly homeOption: string;
}

/** @throws BlissError Usage where there is no such run; ArtifactMissing where it has no report */
export async function openFinishedRun({ home, run, homeOption }: OpenFinishedRun): Promise<FinishedRun> {
  requireRecord(home, run);
  const folder = home.run(run);
  const outcome = readOutcome(folder);
  const input = readJson<PipelineInput>(folder.input);
  if (outcome?.result === undefined || input === undefined) {
    const ended = outcome !== undefined;
    throw new BlissError({
      code: 'ArtifactMissing',
      message: `the run ${run} has no report: ${ended ? 'it ended before it was done' : 'it is not finished'}`,
      where: folder.report,
      fix: ended ? `bliss resume ${run}${homeOption}` : `see how far it is: bliss status ${run}${homeOption}`,
    });
  }
  const stages = await readFinishedStages({ store: openStore({ blobs: fileBlobs({ root: home.store }) }), ref: outcome.result.report });
  const timings = (existsSync(folder.timings) ? await readFile(folder.timings, 'utf8') : '').split('\n').filter((line) => line !== ''); // the report says what lacks a line
  return { run, config: input.config, stages, timings, ...(input.forked === undefined ? {} : { forked: input.forked }), ...(outcome.result.failed === undefined ? {} : { failed: outcome.result.failed }) };
}
