export { gradsim } from './gradsim.js';
export { repsim } from './repsim.js';
