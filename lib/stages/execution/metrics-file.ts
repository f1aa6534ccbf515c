/** In every checkpoint and artifact of a stage with metrics: a line of JSON a step, all since the stage's start. */
export const METRICS_FILE = 'metrics.jsonl';
