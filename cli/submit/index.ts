export { preemptionOf } from './preemption.js';
export { checkFreeName, submitRun } from './submit-run.js';
export { claimName, lastPolls, queuesWithoutWorker, serverOf, startPipeline, submitNew } from './submit.js';
export { takeThrough } from './take-through.js';
