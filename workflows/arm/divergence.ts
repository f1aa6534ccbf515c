import type { PipelineInput } from '../types.js';

/** The policy for numbers gone bad, for a stage's input: none where it is the default, so that such stages keep their keys. */
export const divergenceOf = ({ divergence }: PipelineInput['config']) =>
  divergence === undefined || (divergence.policy === 'stop' && divergence.spike === undefined) ? {} : { divergence };
