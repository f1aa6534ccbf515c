export { pairedStandardError, passageLoss, PASSAGES_FILE, ratio, summariseHeldOut, type ExampleLosses, type HeldOutSummary, type PassageLoss, type PassagesFile } from './held-out.js';
