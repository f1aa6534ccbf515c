export { ratio, summariseHeldOut, type ExampleLosses, type HeldOutSummary } from './held-out.js';
