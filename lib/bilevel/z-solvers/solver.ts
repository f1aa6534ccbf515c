import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf, type NamedTensors } from '../../tensor/index.js';
import type { CurvatureProduct } from '../curvature-product.js';
import type { SolverSettings } from '../types.js';
import { dampedProduct } from './residual.js';

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
export interface ZSolver extends SolverForm {
  solve(system: LinearSystem): Solution;
  /** products with H of one outer step, nearly all of what it costs: what the times of a plan go by */
  products(settings: Pick<SolverSettings, 'steps' | 'start'>): number;
}

/**
 * A solver as iterations with at most one product with H each, all of whose memory is named: between two of them a step in micro-batches adds up the product of rows that
 * do not fit at once.
 */
export interface SolverForm {
  /** names of the vectors and scalars that it keeps; `z` is one of the vectors */
  readonly keeps: { readonly vectors: readonly string[]; readonly scalars: readonly string[] };
  begin(system: Omit<LinearSystem, 'curvature'>): SolverState;
  /** in their order; equal ones are the same object */
  iterations(of: { readonly steps: number; readonly fromZero: boolean }): readonly SolverIteration[];
  /** of the state after the last iteration */
  residualNorm(state: SolverState): Tensor;
}

export interface SolverState {
  readonly vectors: NamedVectors;
  readonly scalars: Readonly<Record<string, Tensor>>;
}
type NamedVectors = Readonly<Record<string, NamedTensors>>;

export interface SolverIteration {
  /** the vector d of the state whose product (H + δI) d it asks for; undefined: none */
  readonly of?: string;
  /** it prepares the others: z stays */
  readonly prepares?: true;
  /** @param product computes (H + δI) d where it is called */
  step(state: SolverState, product: () => NamedTensors, system: Pick<LinearSystem, 'gradient' | 'settings'>): SolverState & { /** `gd`: of the residual's tensors */ readonly norms?: NamedTensors };
}

/** A solver whose iterations all run in one graph, and by their number its products. */
export function solverOf(form: SolverForm): ZSolver {
  return { ...form, solve: (system) => solve(form, system), products: ({ steps, start }) => form.iterations({ steps, fromZero: start === 'zero' }).filter(({ of }) => of !== undefined).length };
}

function solve({ begin, iterations, residualNorm }: SolverForm, system: LinearSystem): Solution {
  let state = begin(system);
  const all = iterations({ steps: system.settings.steps, fromZero: system.start === undefined });
  const iterates: NamedTensors[] = all.length === 0 ? [state.vectors['z']] : [];
  const tensorResidualNorms: NamedTensors[] = [];
  for (const { of, prepares, step } of all) {
    const { norms, ...next } = step(state, () => dampedProduct(system, state.vectors[of ?? 'z']), system);
    state = next;
    if (prepares !== true) iterates.push(state.vectors['z']);
    if (norms !== undefined) tensorResidualNorms.push(norms);
  }
  return { z: state.vectors['z'], iterates, residualNorm: residualNorm(state), tensorResidualNorms, negativeCurvature: state.scalars['negativeCurvature'] ?? tf.scalar(0) };
}
