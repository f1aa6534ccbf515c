export { betweenParts } from './between-parts.js';
export { flattenHeldOut } from './batch.js';
export { policyInKey, StepWatch } from './step-watch.js';
