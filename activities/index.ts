import type { Store } from '../lib/artifacts/index.js';
import type { Blobs } from '../lib/artifacts/types.js';
import type { Home } from '../lib/home.js';
import { createTaskActivities } from './check-tasks.js';
import { createFencingActivities } from './fencing.js';
import { createFinishedStagesActivities } from './finished-stages.js';
import { inTemporalTerms } from './in-temporal-terms.js';
import { createNoticeActivities } from './notices.js';
import { parsedInputs, type KnownActivities, type OnlyKnown } from './parsed-inputs.js';
import { createPreemptionActivities } from './preemptions.js';
import { createRunFolderActivities } from './present-run.js';
import type { StageDependencies } from './run-stage.js';
import { createStageActivities } from './stage-activities.js';

export type { Interruption } from './interruptions.js';
export type { StageDependencies, StageOutcome, StageRequest } from './run-stage.js';
export type { ClaimEpoch } from './fencing.js';
export type { KnownStage } from './finished-stages.js';
export { createFinishedStagesActivities, createNoticeActivities, createRunFolderActivities };
export { progressFiles } from './progress-files.js';

/** Every activity of a worker takes only what its schema does, and its errors are Temporal's. */
const ofWorker = <Activities extends Partial<KnownActivities>>(activities: Activities & OnlyKnown<Activities>): Activities => inTemporalTerms(parsedInputs<Activities>(activities));

/** what a worker hands in, whichever queue it works on */
type WorkerDependencies = Omit<StageDependencies, 'device'>;

/** on the queue of the GPU workers */
export const createGpuActivities = (worker: WorkerDependencies) => ofWorker(createStageActivities('gpu', worker));
export type GpuActivities = ReturnType<typeof createGpuActivities>;

/** on the queue of the CPU workers */
export const createCpuActivities = (worker: WorkerDependencies) => ofWorker(createStageActivities('cpu', worker));

interface ControlDependencies {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly home: Home;
  readonly environment: Readonly<NodeJS.ProcessEnv>;
}

/** Of a moment, on the queue of control: the CPU workers listen on it too. */
export const createControlActivities = ({ store, blobs, home, environment }: ControlDependencies) =>
  ofWorker({
    ...createFencingActivities({ store, blobs }),
    ...createFinishedStagesActivities({ store, home }),
    ...createRunFolderActivities({ store, home }),
    ...createTaskActivities(),
    ...createNoticeActivities({ environment }),
    ...createPreemptionActivities(),
  });
export type CpuActivities = ReturnType<typeof createCpuActivities> & ReturnType<typeof createControlActivities>;
