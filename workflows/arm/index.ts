export { runArm } from './arm.js';
export { seedOfChance } from './chance.js';
export { divergenceOf } from './divergence.js';
export { trainingRuntime } from './runtime.js';
export type { ArmStart, SeedContext } from './seed-context.js';
