export { ask, type Waiting, whileWorked, withPatience } from './ask.js';
export { steer } from './steer.js';
