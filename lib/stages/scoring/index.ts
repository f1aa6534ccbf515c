export { scoring } from './scoring.js';
