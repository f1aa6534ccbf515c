/** Workflow types by name, as the worker registers them. */
export { bilevel } from './bilevel.js';
export { evaluation } from './evaluation.js';
export { importing } from './importing.js';
export { lexical } from './lexical.js';
export { mates } from './mates.js';
export { pipeline } from './pipeline.js';
export { prepare } from './prepare.js';
export { report } from './report.js';
export { scoring } from './scoring.js';
export { selection } from './selection.js';
export { decay, pretraining, warmUp } from './training.js';
