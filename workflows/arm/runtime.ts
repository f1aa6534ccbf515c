import type { PipelineInput } from '../types.js';

/** How stages that train compute. Field by field: what a later version adds is in no key of a stage that does not know it. */
export const trainingRuntime = ({ runtime: { compiler, precision, recompute, numerics } }: PipelineInput['config']) => ({ compiler, precision, recompute, numerics });
