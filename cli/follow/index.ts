export { follow, type FollowEnd } from './follow.js';
export { settle } from './settle.js';
export { failureText, summarize } from './summary.js';
