export { color } from './color.js';
