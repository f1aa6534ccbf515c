export { requireRunInput, requireStageInput } from './checked-input.js';
export { pipelineDetails, type PipelineDetails } from './details.js';
export { failureForPeople, ownFailures, reasonOf } from './failure.js';
export { plainText } from './markdown.js';
export { BLISS_LOSS, BLISS_RUN, BLISS_STAGE } from './search-attributes.js';
export type { StagePlace } from './stage-place.js';
export { plainStage } from './plain-stage.js';
export { asStage, cpu, gpu, presentRun, schedule, type StageWorkflowInput } from './stage.js';
export { budgetUpdate, pauseStageSignal, pauseUpdate, refused, resumeStageSignal, resumeUpdate, stagePausedSignal, stopAfterUpdate } from './steering.js';
