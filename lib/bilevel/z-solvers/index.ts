import type { SolverSettings } from '../types.js';
import { cg } from './cg.js';
import { gd } from './gd.js';
import { identity } from './identity.js';
import { neumann } from './neumann.js';
import type { ZSolver } from './solver.js';

export type { LinearSystem, Solution, SolverState, ZSolver } from './solver.js';
export { startOfZ } from './start.js';

/** Each solver that a configuration may name, with all that others ask of it. */
export const zSolvers: Readonly<Record<SolverSettings['method'], ZSolver>> = { gd, cg, neumann, identity };
