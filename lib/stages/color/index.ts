export { color, recolor } from './color.js';
