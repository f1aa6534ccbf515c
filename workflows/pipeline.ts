import { ApplicationFailure, ChildWorkflowFailure, defineQuery, isCancellation, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { StageResult } from '../lib/stages/types.js';
import { allOrCancel } from './all-or-cancel.js';
import { planStages } from './plan.js';
import { report } from './report.js';
import { BLISS_RUN, BLISS_STAGE } from './search-attributes.js';
import { runSeed } from './seed.js';
import { StageBoard } from './stage-board.js';
import type { ArmMetrics, PipelineInput, PipelineProgress, PipelineResult, RunDigests } from './types.js';

/** A query, as it changes nothing: how far each stage is. */
export const progressQuery = defineQuery<PipelineProgress>('progress');

/** A whole run: every seed's comparison of arms, then the report.  @see method §4 */
export async function pipeline(input: PipelineInput): Promise<PipelineResult> {
  const { run, config } = input;
  const board = new StageBoard(input, planStages(config));
  setHandler(progressQuery, () => board.progress());
  upsertSearchAttributes([
    { key: BLISS_RUN, value: run },
    { key: BLISS_STAGE, value: 'pipeline' },
  ]);

  try {
    await allOrCancel(config.seeds.map((seed) => () => runSeed({ board, input, seed })));
    const written = await board.runOne({
      name: 'report',
      workflow: report,
      place: { stage: 'report', seed: null, arm: null, round: null },
      summary: 'report, metrics and digests of the run',
      input: { input: { run, config, stages: board.results() } },
    });
    return result(run, written);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    board.show(message);
    // a plain Error would leave the run RUNNING and retrying; this one ends it with the stage's own words
    throw ApplicationFailure.create({ message, type: cause instanceof ApplicationFailure ? (cause.type ?? 'RunFailed') : 'RunFailed', nonRetryable: true, ...(cause instanceof ApplicationFailure && cause.details != null ? { details: cause.details } : {}), ...(error instanceof Error ? { cause: error } : {}) });
  }
}

/** The report stage's summary carries digests and metrics, so that they stand in the run's result in the UI. */
function result(run: string, { ref, summary }: StageResult): PipelineResult {
  // written by the report stage of this very version
  return { run, report: ref, digests: summary['digests'] as RunDigests, metrics: summary['metrics'] as ArmMetrics[] };
}
