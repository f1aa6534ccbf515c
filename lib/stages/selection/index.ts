export type { SelectionDescription, SelectionFactsFile } from './selection-facts.js';
export { selection } from './selection.js';
