export { encodeRequest, type EncodedRequest, type EncodeRequest } from './encode-request.js';
export { evaluateTasks, type EvaluateTasks, type TaskOutcome } from './evaluate-tasks.js';
export { fileTime, harnessResults, harnessSamples, sanitized, type EvaluationFacts } from './harness-files.js';
export { pairedStandardError, passageLoss, PASSAGES_FILE, ratio, summariseHeldOut, type ExampleLosses, type HeldOutSummary, type PassageLoss, type PassagesFile } from './held-out.js';
export { itemDigests, readItems, type ReadItems, type TaskItem, type TaskItems } from './items.js';
export { openKnownAnswers, type KnownAnswers, type OpenKnownAnswers } from './known-answers.js';
export { logLikelihoods, type Answered, type BatchShape, type LogLikelihoods } from './log-likelihoods.js';
export { BOOTSTRAP_SAMPLES, itemMetrics, taskMetrics, type Answer, type ItemMetrics, type TaskMetric } from './task-metrics.js';
export { isProblem, TASK_NAMES, taskByName, type Item, type MetricName, type Request, type Task } from './tasks/index.js';
