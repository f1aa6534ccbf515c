export { encodeRequest, type EncodedRequest, type EncodeRequest } from './encode-request.js';
export { pairedStandardError, passageLoss, PASSAGES_FILE, ratio, summariseHeldOut, type ExampleLosses, type HeldOutSummary, type PassageLoss, type PassagesFile } from './held-out.js';
export { itemDigests, readItems, type ReadItems, type TaskItem, type TaskItems } from './items.js';
export { logLikelihoods, type Answered, type LogLikelihoods } from './log-likelihoods.js';
export { BOOTSTRAP_SAMPLES, itemMetrics, taskMetrics, type Answer, type ItemMetrics, type TaskMetric } from './task-metrics.js';
export { isProblem, TASK_NAMES, taskByName, type Item, type MetricName, type Request, type Task } from './tasks/index.js';
