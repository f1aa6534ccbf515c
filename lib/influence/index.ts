export { influenceTargets, type InfluenceTargets } from './influence-targets.js';
export { probePlan, regressionSteps, type ProbePlan, type ProbePlanInput } from './probe-plan.js';
export { regressionLoss, type RegressionLossInput } from './regression-loss.js';
export { spearman } from './spearman.js';
