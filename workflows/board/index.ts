export { allOrCancel } from './all-or-cancel.js';
export { Budget, within } from './budget.js';
export { keepFinished, readKnown } from './known-stages.js';
export { type RunStage, StageBoard } from './stage-board.js';
export { stageParts } from './stage-parts.js';
export { asWorkflows, type StageRunner, type Together } from './together.js';
