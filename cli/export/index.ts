export { whichSelections } from './which-selections.js';
export { whichState } from './which-state.js';
