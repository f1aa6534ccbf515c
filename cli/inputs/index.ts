export { checkInputs } from './check-inputs.js';
export { checkNotices } from './check-notices.js';
