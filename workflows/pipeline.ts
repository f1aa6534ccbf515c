import { allHandlersFinished, condition, continueAsNew, defineQuery, isCancellation, patched, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { Ref } from '../lib/artifacts/types.js';
import type { ReportInput, StageResult } from '../lib/stages/types.js';
import { allOrCancel, asWorkflows, Budget, keepFinished, readKnown, StageBoard, within } from './board/index.js';
import { BLISS_RUN, BLISS_STAGE, budgetUpdate, failureForPeople, ownFailures, pauseUpdate, reasonOf, refused, requireRunInput, resumeUpdate, stagePausedSignal, stopAfterUpdate } from './stage/index.js';
import { Notifier, tellingPreemptions } from './notices/index.js';
import { planStages } from './plan.js';
import { report } from './report.js';
import { runSeed } from './seed.js';
import type { ArmMetrics, PipelineInput, PipelineProgress, PipelineResult, RunDigests } from './types.js';

/** Runs that earlier versions began hand their stages to the report in one piece. */
const STAGES_BY_REFERENCE = 'stages-by-reference';

/** A query, as it changes nothing: how far each stage is. */
export const progressQuery = defineQuery<PipelineProgress>('progress');

/** A whole run: every seed's comparison of arms, then the report. Where its history is full it goes on in another execution.  @see method §4 */
export async function pipeline(input: PipelineInput): Promise<PipelineResult> {
  requireRunInput(input);
  const { run, config } = input;
  const notifier = new Notifier(input);
  const board = new StageBoard(input, planStages(config), notifier);
  setHandler(progressQuery, () => board.progress());
  const budget = new Budget(run, board);
  steer({ board, budget, run });
  const gpuHours = input.continued === undefined ? input.gpuHours : input.continued.gpuHours;
  if (gpuHours !== undefined) budget.set(gpuHours);
  upsertSearchAttributes([
    { key: BLISS_RUN, value: run },
    { key: BLISS_STAGE, value: 'pipeline' },
  ]);

  let known: Ref;
  try {
    // without an await where there is nothing: open runs replay what they began with
    if (input.known !== undefined) board.take(await readKnown(input.known));
    if (input.continued === undefined) notifier.tell('started');
    await tellingPreemptions(notifier, () => within(budget, () => allOrCancel(config.seeds.map((seed) => () => runSeed({ board, together: asWorkflows, input, seed })))));
    const kept = patched(STAGES_BY_REFERENCE) ? await keepFinished({ run, known: input.known ?? null, stages: board.results(), order: board.planned }) : undefined;
    if (kept === undefined || !board.isFull) return await conclude({ input, board, notifier, stages: kept ?? board.results() });
    known = kept;
  } catch (error) {
    if (isCancellation(error)) {
      board.show({ cancelled: true });
      notifier.tell('cancelled');
      throw error;
    }
    const failure = ownFailures(error).at(-1);
    const reason = reasonOf(error);
    board.show({ failure: reason });
    notifier.tell('failed', { message: reason });
    throw failureForPeople({ reason, run, type: failure?.type ?? 'RunFailed', details: failure?.details, cause: error });
  } finally {
    await notifier.flush();
    if (notifier.undelivered !== undefined) board.show();
  }
  await condition(allHandlersFinished); // who steers it now hears what came of it
  const failed = board.failed();
  return continueAsNew<typeof pipeline>({ ...input, known, continued: board.steering, ...(failed.length === 0 ? {} : { failed }) });
}

/** The report, when all rounds are through. */
async function conclude({ input: { run, config, forked }, board, notifier, stages }: { readonly input: PipelineInput; readonly board: StageBoard; readonly notifier: Notifier; readonly stages: ReportInput['stages'] }): Promise<PipelineResult> {
  const failed = board.failed();
  const without = failed.length === 0 ? {} : { failed };
  const written = await board.runOne({
    name: 'report',
    workflow: report,
    place: { stage: 'report', seed: null, arm: null, round: null },
    summary: 'report, metrics and digests of the run',
    input: { input: { run, config, stages, ...(forked === undefined ? {} : { forked }), ...without } },
  });
  const outcome: PipelineResult = { ...result(run, written), ...(board.lastRound < config.rounds ? { stoppedAfterRound: board.lastRound } : {}), ...without };
  board.show({ metrics: outcome.metrics });
  notifier.tell('done');
  return outcome;
}

/** What people may ask of the run, and when they hear no. */
function steer({ board, budget, run }: { readonly board: StageBoard; readonly budget: Budget; readonly run: string }): void {
  setHandler(pauseUpdate, () => board.pause(), {
    validator: () => {
      if (board.steering.paused) throw refused('the run is paused already', `go on with \`bliss resume ${run}\``);
    },
  });
  setHandler(resumeUpdate, () => board.resume(), {
    validator: () => {
      if (!board.steering.paused) throw refused('the run is not paused', `look at it with \`bliss status ${run}\``);
      if (board.steering.spent === true) throw refused(`its budget of ${board.steering.gpuHours ?? 0} device-hours is spent`, `raise it by \`bliss budget ${run} --gpu-hours N\``);
    },
  });
  setHandler(budgetUpdate, (hours) => {
    budget.set(hours ?? undefined);
    return board.steering;
  }, {
    validator: (hours) => {
      if (hours !== null && !(hours > 0 && Number.isFinite(hours))) throw refused(`a budget of ${hours} device-hours`, 'give a number above 0, or none');
    },
  });
  setHandler(stopAfterUpdate, (round) => board.stopAfter(round), { validator: (round) => board.checkRound(round) });
  setHandler(stagePausedSignal, (stage) => board.stagePaused(stage));
}

/** The report stage's summary carries digests and metrics, so that they stand in the run's result in the UI. */
function result(run: string, { ref, summary }: StageResult): PipelineResult {
  // written by the report stage of this very version
  const tasks = summary['tasks'] === undefined ? {} : { tasks: summary['tasks'] as PipelineResult['tasks'] };
  return { run, report: ref, digests: summary['digests'] as RunDigests, metrics: summary['metrics'] as ArmMetrics[], ...tasks };
}
