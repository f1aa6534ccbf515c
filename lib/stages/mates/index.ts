export { mates } from './mates.js';
