import type { Store } from '../lib/artifacts/index.js';
import type { Blobs } from '../lib/artifacts/types.js';
import type { Home } from '../lib/home.js';
import { createBilevelActivities } from './bilevel.js';
import { createTaskActivities } from './check-tasks.js';
import { createEvaluationActivities } from './evaluation.js';
import { createFencingActivities } from './fencing.js';
import { createFinishedStagesActivities } from './finished-stages.js';
import { createImportingActivities } from './importing.js';
import { inTemporalTerms } from './in-temporal-terms.js';
import { createLexicalActivities } from './lexical.js';
import { createMatesActivities } from './mates.js';
import { createNoticeActivities } from './notices.js';
import { parsedInputs, type KnownActivities, type OnlyKnown } from './parsed-inputs.js';
import { createPreemptionActivities } from './preemptions.js';
import { createPrepareActivities } from './prepare.js';
import { createRunFolderActivities } from './present-run.js';
import { createReportActivities } from './report.js';
import type { StageDependencies } from './run-stage.js';
import { createScoringActivities } from './scoring.js';
import { createSelectionActivities } from './selection.js';
import { createTrainingActivities } from './training.js';

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
export const createGpuActivities = (worker: WorkerDependencies) => {
  const dependencies = { ...worker, device: true };
  return ofWorker({ ...createTrainingActivities(dependencies), ...createBilevelActivities(dependencies), ...createMatesActivities(dependencies), ...createScoringActivities(dependencies), ...createEvaluationActivities(dependencies) });
};
export type GpuActivities = ReturnType<typeof createGpuActivities>;

/** on the queue of the CPU workers */
export const createCpuActivities = (worker: WorkerDependencies) => {
  const dependencies = { ...worker, device: false };
  return ofWorker({ ...createPrepareActivities(dependencies), ...createImportingActivities(dependencies), ...createLexicalActivities(dependencies), ...createScoringActivities(dependencies), ...createSelectionActivities(dependencies), ...createReportActivities(dependencies) });
};

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
