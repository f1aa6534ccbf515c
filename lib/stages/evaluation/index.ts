export type { TaskSummary } from './evaluation-tasks.js';
export { evaluation } from './evaluation.js';
