export { finishedStages, resultOf } from './finished.js';
export { type Taken, takeStages } from './take.js';
