import { recursion } from './recursion.js';
import type { ZSolver } from './solver.js';

/**
 * z = η Σ_{j<steps} (I − η(H + δI))ʲ v, summed as z ← z + η(v − (H + δI)z) from z = 0. It converges where every eigenvalue of
 * η(H + δI) lies between 0 and 2. From a warm start the same recursion goes on from there.  @see method §3
 */
export const neumann: ZSolver = recursion((residual) => ({ direction: residual }));
