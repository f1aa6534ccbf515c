export { comparedAnswer, comparedText } from './table.js';
