export { buildReport } from './build-report.js';
export { compareArms, isCeiling, type ComparedArm } from './comparison.js';
export { leadText, withInterval } from './lead.js';
export { missingEvaluations } from './missing.js';
export { writeTensorboard } from './tensorboard.js';
export { verdictOf, type Verdict } from './verdict.js';
export type * from './types.js';
