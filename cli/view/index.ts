export { alertLines } from './alerts.js';
export { type Display, openDisplay } from './display.js';
export { readProgress, stageNameOf } from './stages.js';
export { runHeadline, stageTable } from './table.js';
export { troublesOf } from './troubles.js';
export { currentStages, type RunView, stateOf, viewRun, type ViewRun } from './view.js';
