import { clipPerTensor } from '../../optim/index.js';
import { recursion } from './recursion.js';
import type { ZSolver } from './solver.js';

/**
 * The release's: per iteration r = v − (H + δI)z, each tensor's r scaled to norm 1 where it is longer than the limit, then
 * z ← z + η·r, all tensors together.  @see method §3
 */
export const gd: ZSolver = recursion((residual, { residualClip }) => {
  const { clipped, norms } = clipPerTensor(residual, residualClip);
  return { direction: clipped, norms };
});
