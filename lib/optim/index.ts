export { adamw, biasCorrections, type AdamSettings, type AdamWInput, type BiasCorrections, type Moments } from './adamw.js';
export { clipGlobal, clipPerTensor } from './clip.js';
export { addNamed, cosine, globalNorm, mapNamed, quotientOrZero, scaleNamed, subtractNamed, sumOfSquares } from './named-vectors.js';
export { bilevelLearningRate, bilevelSteps, bilevelWarmUpSteps, decayBranch, warmUpConstantLinear, warmUpThenConstant, warmUpThenCosine } from './schedules.js';
export { lossAndGradients, update, type LossInput, type UpdateInput, type UpdateOutput } from './training-step.js';
