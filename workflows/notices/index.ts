export { Notifier } from './notifier.js';
export { tellingPreemptions } from './preemptions.js';
