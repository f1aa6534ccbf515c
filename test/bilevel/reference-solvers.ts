import type { SolverSettings } from '../../lib/bilevel/index.js';

/**
 * The z solvers once more, by their definitions in method §3, in float64 and with branches where the library's cannot have any. A
 * vector is a list of tensors, as the per-tensor clip needs to know where one ends.
 */
export type Vector = readonly (readonly number[])[];

export interface ReferenceSystem {
  /** H·, undamped */
  readonly product: (x: Vector) => Vector;
  readonly gradient: Vector;
  readonly start: Vector;
  readonly settings: SolverSettings;
  /** û, AdamW's corrected second moment of θ_p; only where `settings.preconditioner` is `adam` */
  readonly secondMoment?: Vector;
}

export interface ReferenceSolution {
  readonly iterates: readonly Vector[];
  readonly z: Vector;
  /** of the last z whose residual the method needs */
  readonly residualNorm: number;
  readonly negativeCurvature: number;
}

type Name = SolverSettings['method'];

const references: Readonly<Record<Name, (system: ReferenceSystem) => ReferenceSolution>> = {
  gd: (system) => steps(system, (part) => (norm([part]) > system.settings.residualClip ? part.map((x) => x / norm([part])) : part)),
  cg: conjugateGradients,
  neumann: (system) => steps(system, (part) => part),
  identity: (system) => {
    const z = preconditioned(system);
    return { iterates: [z], z, residualNorm: 0, negativeCurvature: 0 };
  },
};

/** of every solver that a configuration may name */
export const solverNames = Object.keys(references) as readonly Name[];

export const solveByReference = (system: ReferenceSystem): ReferenceSolution => references[system.settings.method](system);

function preconditioned({ gradient, settings: { preconditioner, epsilon = 1e-4 }, secondMoment }: ReferenceSystem): Vector {
  if (preconditioner !== 'adam') return gradient;
  if (secondMoment === undefined) throw new Error('of which moments?');
  return gradient.map((part, k) => part.map((v, i) => v / (Math.sqrt(secondMoment[k][i]) + epsilon)));
}

function steps({ product, gradient, start, settings }: ReferenceSystem, shaped: (part: readonly number[]) => readonly number[]): ReferenceSolution {
  const { learningRate, damping } = settings;
  let z = start;
  let residualNorm = 0;
  const iterates: Vector[] = [];
  for (let i = 0; i < settings.steps; i++) {
    const r = add(gradient, add(product(z), scale(z, damping)), -1);
    residualNorm = norm(r);
    z = add(z, r.map(shaped), learningRate);
    iterates.push(z);
  }
  return { iterates, z, residualNorm, negativeCurvature: 0 };
}

function conjugateGradients({ product, gradient, start, settings }: ReferenceSystem): ReferenceSolution {
  const A = (x: Vector): Vector => add(product(x), scale(x, settings.damping));
  let z = start;
  let r = add(gradient, A(z), -1);
  let p = r;
  const iterates: Vector[] = [];
  for (let i = 0; i < settings.steps; i++) {
    if (norm(r) <= settings.tolerance * norm(gradient)) break;
    const Ap = A(p);
    const pAp = inner(p, Ap);
    if (pAp <= 0) return { iterates, z, residualNorm: norm(r), negativeCurvature: 1 };
    const alpha = inner(r, r) / pAp;
    const next = add(r, Ap, -alpha);
    z = add(z, p, alpha);
    p = add(next, p, inner(next, next) / inner(r, r));
    r = next;
    iterates.push(z);
  }
  return { iterates, z, residualNorm: norm(r), negativeCurvature: 0 };
}

/** a + factor · b */
const add = (a: Vector, b: Vector, factor = 1): Vector => a.map((part, k) => part.map((x, i) => x + factor * b[k][i]));
const scale = (a: Vector, factor: number): Vector => a.map((part) => part.map((x) => factor * x));
export const inner = (a: Vector, b: Vector): number => a.reduce((sum, part, k) => part.reduce((s, x, i) => s + x * b[k][i], sum), 0);
export const norm = (a: Vector): number => Math.sqrt(inner(a, a));
/** ‖a − b‖ / ‖b‖ */
export const relativeDifference = (a: Vector, b: Vector): number => norm(add(a, b, -1)) / Math.max(norm(b), Number.MIN_VALUE);
