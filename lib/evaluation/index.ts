export { pairedStandardError, passageLoss, ratio, summariseHeldOut, type ExampleLosses, type HeldOutSummary, type PassageLoss } from './held-out.js';
