export { throwIfStopped } from './execute.js';
export { METRICS_FILE } from './metrics-file.js';
export { checkNumerics } from './numerics.js';
