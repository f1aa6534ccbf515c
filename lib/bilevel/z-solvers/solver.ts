import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { NamedTensors } from '../../tensor/index.js';
import type { CurvatureProduct } from '../curvature-product.js';
import type { SolverSettings } from '../types.js';

/** (H + δI) z = v */
export interface LinearSystem {
  /** H·, undamped */
  readonly curvature: CurvatureProduct;
  /** v = ∇F */
  readonly gradient: NamedTensors;
  /** z to begin with; undefined: zero, whose first product is then saved */
  readonly start: NamedTensors | undefined;
  readonly settings: SolverSettings;
  /** √û + ε, by which `identity` divides v; other solvers have no rule for it, and none is asked for it (config/bilevel-problems.ts) */
  readonly preconditioner?: NamedTensors;
}

export interface Solution {
  readonly z: NamedTensors;
  /** z after each iteration, the last being `z` */
  readonly iterates: readonly NamedTensors[];
  /** ‖v − (H + δI) z‖ of the last z whose residual was computed, a scalar; 0 for `identity`, which solves nothing */
  readonly residualNorm: Tensor;
  /** `gd`: norm of each tensor's residual at the beginning of each iteration, before clipping; else empty */
  readonly tensorResidualNorms: readonly NamedTensors[];
  /** `cg`: 1 where pᵀ(H + δI)p ≤ 0 was met and the iteration stopped, else 0; a float32 scalar */
  readonly negativeCurvature: Tensor;
}

/** All that is to be said of a solver. */
export interface ZSolver {
  solve(system: LinearSystem): Solution;
  /** products with H of one outer step, nearly all of what it costs: what the times of a plan go by */
  products(settings: Pick<SolverSettings, 'steps' | 'start'>): number;
}
