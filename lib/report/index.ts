export { buildReport } from './build-report.js';
export { compareArms, type ComparedArm } from './comparison.js';
export { missingEvaluations } from './missing.js';
export { writeTensorboard } from './tensorboard.js';
export { verdictOf, type Verdict } from './verdict.js';
export type * from './types.js';
