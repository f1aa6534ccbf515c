/** Workflow types by name, as the worker registers them. */
export { bilevel } from './bilevel.js';
export { evaluation } from './evaluation.js';
export { pipeline } from './pipeline.js';
export * from './arm/learning.js';
export { importing, prepare, selection } from './plain-stages.js';
export { report } from './report.js';
export { scoring } from './scoring.js';
export { decay, pretraining, warmUp } from './training.js';
