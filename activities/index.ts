import { createBilevelActivities } from './bilevel.js';
import { createEvaluationActivities } from './evaluation.js';
import { createFencingActivities } from './fencing.js';
import { createFinishedStagesActivities } from './finished-stages.js';
import { createImportingActivities } from './importing.js';
import { createLexicalActivities } from './lexical.js';
import { createMatesActivities } from './mates.js';
import { createNoticeActivities } from './notices.js';
import { parsedInputs } from './parsed-inputs.js';
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
export { createFencingActivities, createFinishedStagesActivities, createNoticeActivities, createPreemptionActivities, createRunFolderActivities };
export { parsedInputs } from './parsed-inputs.js';
export { progressFiles } from './progress-files.js';

/** what a worker hands in, whichever queue it works on */
type WorkerDependencies = Omit<StageDependencies, 'device'>;

/** on the queue of the GPU workers */
export const createGpuActivities = (worker: WorkerDependencies) => {
  const dependencies = { ...worker, device: true };
  return parsedInputs({ ...createTrainingActivities(dependencies), ...createBilevelActivities(dependencies), ...createMatesActivities(dependencies), ...createScoringActivities(dependencies), ...createEvaluationActivities(dependencies) });
};
export type GpuActivities = ReturnType<typeof createGpuActivities>;

/** on the queue of the CPU workers, beside the short ones of `createFencingActivities`, `createFinishedStagesActivities`, `createRunFolderActivities` and `createNoticeActivities` */
export const createCpuActivities = (worker: WorkerDependencies) => {
  const dependencies = { ...worker, device: false };
  return parsedInputs({ ...createPrepareActivities(dependencies), ...createImportingActivities(dependencies), ...createLexicalActivities(dependencies), ...createScoringActivities(dependencies), ...createSelectionActivities(dependencies), ...createReportActivities(dependencies) });
};
export type CpuActivities = ReturnType<typeof createCpuActivities> & ReturnType<typeof createFencingActivities> & ReturnType<typeof createFinishedStagesActivities> & ReturnType<typeof createRunFolderActivities> & ReturnType<typeof createNoticeActivities> & ReturnType<typeof createPreemptionActivities>;
