import { ActivityCancellationType, ActivityFailure, ApplicationFailure, isCancellation, proxyActivities, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { CpuActivities, GpuActivities, StageOutcome, StageRequest } from '../../activities/index.js';
import type { RunConfig } from '../../config/schema.js';
import type { StageInputs, StageName, StageResult } from '../../lib/stages/types.js';
import { stageDetails } from './details.js';
import { failureForPeople } from './failure.js';
import { Pausable } from './pausable.js';
import type { StagePlace } from './stage-place.js';
import { BLISS_ARM, BLISS_ROUND, BLISS_RUN, BLISS_STAGE } from './search-attributes.js';
import { CONTROL_QUEUE, CPU_QUEUE, GPU_QUEUE } from '../types.js';

/** Argument of every stage's workflow. */
export interface StageWorkflowInput<Name extends StageName> {
  readonly place: StagePlace;
  readonly input: StageInputs[Name];
  readonly worker: RunConfig['worker'];
  /** '' takes finished stages of any run */
  readonly scope: string;
}

/** No attempt cap: on preemptible machines a stage is retried for as long as it takes; its own errors are not retryable. */
const RETRY = { initialInterval: '1s', backoffCoefficient: 1 };
/** An attempt may train for days; what ends a hung one is the missing heartbeat. */
const LONGEST_ATTEMPT = '60 days';

const { claimEpoch } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '30s', retry: { initialInterval: '1s' }, summary: 'fence off whatever of this stage still runs elsewhere' });

const stageOptions = (taskQueue: string) => (worker: RunConfig['worker'], summary: string) => ({
  startToCloseTimeout: LONGEST_ATTEMPT,
  heartbeatTimeout: `${worker.heartbeatTimeout}s` as const,
  retry: RETRY,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  taskQueue,
  summary,
});
/** Of a stage's activities, by the kind of workers that they run on. */
export const activityOptions = { cpu: stageOptions(CPU_QUEUE), gpu: stageOptions(GPU_QUEUE) } as const;

export interface StageActivityParams<Name extends StageName> {
  readonly workflow: StageWorkflowInput<StageName>;
  readonly pausable: Pausable;
  readonly input: StageInputs[Name];
  /** one line for the UI's timeline */
  readonly summary: string;
  /** tells apart the activities of one stage that fans out: `shards-0-4` */
  readonly part?: string;
}

/** Which part of the stage's activities runs where. */
export const gpu = (worker: RunConfig['worker'], summary: string): GpuActivities => proxyActivities<GpuActivities>(activityOptions.gpu(worker, summary));
export const cpu = (worker: RunConfig['worker'], summary: string): CpuActivities => proxyActivities<CpuActivities>(activityOptions.cpu(worker, summary));

/** Lays a finished report into the run's folder: copying a few megabytes. */
export const { presentRun } = proxyActivities<CpuActivities>({ taskQueue: CONTROL_QUEUE, startToCloseTimeout: '10m', retry: { initialInterval: '1s' }, summary: 'lay the report into the run folder' });

/** Claims the stage's next epoch, then runs its activity under it; paused and resumed, under another one. */
export async function schedule<Name extends StageName>(
  { workflow, pausable, input, part }: StageActivityParams<Name>,
  activity: (request: StageRequest<Name>) => Promise<StageOutcome>,
): Promise<StageOutcome> {
  const { place, worker, scope } = workflow;
  const { keepCheckpoints, keepCheckpointsEvery, compileTimeout } = worker;
  const stage = part === undefined ? place.stage : `${place.stage}/${part}`;
  return pausable.run(async (scheduling) => {
    const epoch = await claimEpoch({ run: place.run, stage, claimant: `${workflowInfo().runId}/${part ?? ''}${scheduling === 1 ? '' : `/${scheduling}`}` });
    return activity({ run: place.run, stage, input, epoch, scope, keepCheckpoints, ...(keepCheckpointsEvery === undefined ? {} : { keepCheckpointsEvery }), compileTimeout });
  });
}

/** Makes a stage's workflow readable in the UI around its main logic, and lets its pipeline pause it. */
export async function asStage<T extends StageResult | readonly StageResult[]>(workflow: StageWorkflowInput<StageName>, what: string, main: (pausable: Pausable) => Promise<T>): Promise<T> {
  const { place } = workflow;
  const pausable = new Pausable(place.stage);
  upsertSearchAttributes([
    { key: BLISS_RUN, value: place.run },
    { key: BLISS_STAGE, value: place.stage.split('/').at(-1) ?? place.stage },
    ...(place.arm === null ? [] : [{ key: BLISS_ARM, value: place.arm }]),
    ...(place.round === null ? [] : [{ key: BLISS_ROUND, value: place.round }]),
  ]);
  setCurrentDetails(stageDetails({ place, what, state: 'running' }));
  try {
    const result = await main(pausable);
    setCurrentDetails(stageDetails({ place, what, state: 'done', outcomes: Array.isArray(result) ? result : [result] }));
    return result;
  } catch (error) {
    if (isCancellation(error)) {
      setCurrentDetails(stageDetails({ place, what, state: 'cancelled' }));
      throw error;
    }
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const failure = cause instanceof ApplicationFailure ? cause : undefined;
    const reason = failure?.message ?? (cause instanceof Error ? cause.message : String(cause));
    setCurrentDetails(stageDetails({ place, what, state: 'failed', reason }));
    // the stage's own failure at the top of the history, not three causes down
    throw failureForPeople({ reason, run: place.run, type: failure?.type ?? 'StageFailed', details: failure?.details, cause });
  }
}
