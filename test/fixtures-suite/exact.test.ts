import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alignment, hypergradient, zSolvers, type SolverSettings } from '../../lib/bilevel/index.js';
import { biasCorrections, clipPerTensor, warmUpThenCosine } from '../../lib/optim/index.js';
import { readSafetensors } from '../../lib/models/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { expectRecords, expectScalar, expectVector, ofAlignment, ofHypergradient, report, scaled } from './compare.js';
import { inFixtures, lacks, runnable } from './folder.js';
import { extremeEigenvalues } from './lanczos.js';
import { modesOf, type Mode } from './modes.js';
import { flatIds, outerEntry, recordedProgram, recordedSteps, validationOf, type RecordedProgram } from './recorded-program.js';
import { settingsOf, weightsOf, type Exact, type HyperRecord, type Recording } from './recording.js';
import { difference, inner, norm, numberOf, one, under, type NamedValues } from './values.js';

const cases = runnable.flatMap((found) => {
  const { exactAtStep0: at0 } = found.recording;
  return at0 === undefined ? [] : modesOf(found).map((mode) => ({ ...found, mode, at0 }));
});

if (cases.length === 0) lacks('a recording with exact solves');

describe.each(cases)('exact solves at step 0 of $name, $mode', ({ name, folder, recording, mode, at0 }) => {
  const { cg, neumann, publishedDamping: published, hessian, solveAtPublishedDamping: dense } = at0;
  const met = published?.plainCGMeetsNegativeCurvature;
  const [step] = recordedSteps(recording);
  /** a solver's iterations are unrolled: compiled, the first few of them */
  const most = mode === 'eager' ? Number.POSITIVE_INFINITY : 3;
  const iterates = (cg?.iterates ?? []).filter(({ iteration }) => iteration <= most);
  const stopAt = mode === 'eager' ? middle(iterates) : undefined;
  const terms = (neumann?.results ?? []).filter((result) => result.terms <= most);
  const solves: Readonly<Record<string, Partial<SolverSettings> & Pick<SolverSettings, 'method' | 'steps' | 'damping'>>> = {
    // the recorded solve went on to 1e-13; 1e-7 is what float32 allows, and any sooner stop saves products
    ...(cg ? { cg: { method: 'cg', steps: Math.min(most, Math.max(Math.ceil(cg.iterations * 0.6), ...iterates.map(({ iteration }) => iteration))), damping: cg.delta, tolerance: 1e-7 } } : {}),
    ...(cg && stopAt ? { stopped: { method: 'cg', steps: stopAt.iteration + 2, damping: cg.delta, tolerance: stopAt.relativeResidual * 1.01 } } : {}),
    ...(neumann && terms.length > 0 ? { neumann: { method: 'neumann', steps: Math.max(...terms.map((result) => result.terms)), damping: neumann.delta, learningRate: neumann.eta } } : {}),
    ...(published && met && met.iteration <= most ? { published: { method: 'cg', steps: Math.min(most, met.iteration + 2), damping: published.delta } } : {}),
    ...(published && met && met.iteration > 1 && mode === 'eager' ? { before: { method: 'cg', steps: met.iteration - 1, damping: published.delta } } : {}),
  };

  let at: Awaited<ReturnType<typeof settled>>;
  beforeAll(async () => {
    at = await settled({ folder, recording, mode, solves });
  }, 600_000);
  afterAll(() => {
    at.dispose();
    report(`exact, ${name}, ${mode}`);
  });

  /** from z to the clipped hypergradient; z itself is a solve's outcome here, with an error of its own */
  const expectHyper = (kind: string, z: NamedValues, expected: HyperRecord): void => {
    const actual = at.hyper(z);
    const toleranceOfA = 3 * ofAlignment({ a: expected.a, gradient: step.outerLower.gradG, zNorm: norm(z) });
    expectVector(`${kind} a_i`, one(actual, 'alignment'), expected.a, toleranceOfA);
    expectScalar(`${kind} ā`, numberOf(actual, 'meanAlignment'), expected.aBar, toleranceOfA, Math.max(...expected.a.map(Math.abs)));
    const { coefficients, tensors } = ofHypergradient(expected);
    expectVector(`${kind} c_i`, one(actual, 'coefficients'), expected.coefficients, 2 * coefficients);
    expectRecords(`${kind} ∇Φ`, under(actual, 'hypergradient'), expected.hypergradient, scaled(tensors, 2));
    expectRecords(`${kind} ∇Φ clipped`, under(actual, 'clipped'), expected.clipped, scaled(tensors, 2));
  };
  const ofZ = { relative: 2e-6, ofLargest: 1e-7 };
  /** ‖v − (H + δI) z‖ / ‖v‖ by one product; float32 leaves about 1e-7 of (H + δI) z in it */
  const expectResidual = (kind: string, z: NamedValues, delta: number, expected: number): void => {
    const v = at.gradient;
    const residual = norm(difference(difference(v, at.product(z)), z, delta)) / norm(v);
    expect(Math.abs(residual - expected), `${kind}: ${residual} for ${expected}`).toBeLessThan(1e-3 * expected + 1e-6);
  };

  // what was not recorded, and what is tried in another mode, is no test here
  if (cg !== undefined && iterates.length > 0) test('cg: each recorded iterate and its residual', () => {
    const solution = at.solve('cg');
    expect(numberOf(solution, 'negativeCurvature')).toBe(0);
    for (const { iteration, z, zNorm, relativeResidual } of iterates) {
      const iterate = under(solution, `iterates/${iteration - 1}`);
      expectScalar('cg ‖z‖', norm(iterate), zNorm, 1e-6);
      expectRecords('cg z', iterate, z, ofZ);
      expectResidual(`cg, iteration ${iteration}`, iterate, cg.delta, relativeResidual);
    }
    // the solver's own residual, which it updates instead of computing it anew
    const [last] = iterates.filter(({ iteration }) => iteration === solves['cg'].steps);
    if (last !== undefined) expectScalar('cg ‖r‖', numberOf(solution, 'residualNorm'), last.relativeResidual * norm(at.gradient), 1e-3);
  });

  if (cg !== undefined && mode === 'eager') test('cg: the converged z, its a_i and hypergradient', () => {
    const solution = at.solve('cg');
    const z = under(solution, 'z');
    expect(numberOf(solution, 'residualNorm') / norm(at.gradient)).toBeLessThan(2e-7);
    expectScalar('cg ‖z‖', norm(z), cg.zGlobalNorm, 1e-6);
    expectRecords('cg z converged', z, cg.z, ofZ);
    expectHyper('cg', z, cg);
  });

  if (cg !== undefined && mode === 'eager' && existsSync(path.join(folder, 'cg-z.safetensors'))) test('cg: every element of z', async () => {
    const expected = await valuesOf(path.join(folder, 'cg-z.safetensors'));
    const z = under(at.solve('cg'), 'z');
    expect(norm(difference(z, expected)) / norm(expected)).toBeLessThan(1e-6);
    for (const [tensor, { values }] of Object.entries(expected)) {
      const largest = Math.max(...Array.from(values, Math.abs));
      const worst = Math.max(...Array.from(values, (e, i) => Math.abs(z[tensor].values[i] - e)));
      expect(worst / largest, tensor).toBeLessThan(1e-5);
    }
  });

  if (stopAt !== undefined) test('cg: the tolerance stops it at the recorded iteration', () => {
    expectRecords('cg z tolerance', under(at.solve('stopped'), 'z'), stopAt.z, ofZ);
  });

  if ('published' in solves) test('cg at the published damping: stops before the recorded negative curvature, and says so', () => {
    const iteration = met?.iteration ?? 1;
    const solution = at.solve('published');
    expect(numberOf(solution, 'negativeCurvature')).toBe(1);
    const z = under(solution, 'z');
    if (iteration === 1) expect(norm(z)).toBe(0);
    else expect(norm(difference(z, under(solution, `iterates/${iteration - 2}`)))).toBe(0);
    if (!('before' in solves)) return;
    const before = at.solve('before');
    expect(numberOf(before, 'negativeCurvature')).toBe(0);
    expect(norm(difference(z, under(before, 'z'))) / norm(z)).toBeLessThan(1e-6);
  });

  if (met != null) test('plain conjugate gradients over our products, in float64, meet the recorded curvature', () => {
    const [v, delta] = [at.gradient, published?.delta ?? 0];
    let r = v;
    let p = v;
    for (let iteration = 1; iteration <= met.iteration; iteration++) {
      const Ap = difference(at.product(p), p, -delta);
      const pAp = inner(p, Ap);
      if (iteration === met.iteration) {
        expectScalar('pᵀ(H + δI)p', pAp, met.pAp, 2e-5);
        expectScalar('pᵀp', inner(p, p), met.pp, 2e-5);
        expect(pAp).toBeLessThan(0);
        return;
      }
      expect(pAp).toBeGreaterThan(0);
      const rr = inner(r, r);
      r = difference(r, Ap, rr / pAp);
      p = difference(r, p, -inner(r, r) / rr);
    }
  });

  if (terms.length > 0) test('neumann: z of every recorded number of terms, and its residual', () => {
    const solution = at.solve('neumann');
    for (const result of terms) {
      const iterate = under(solution, `iterates/${result.terms - 1}`);
      expectScalar('neumann ‖z‖', norm(iterate), result.zNorm, 1e-6);
      expectRecords('neumann z', iterate, result.z, ofZ);
      expectResidual(`neumann, ${result.terms} terms`, iterate, neumann?.delta ?? 0, result.relativeResidual);
    }
  });

  if (hessian !== undefined && mode !== 'graph') test('the extreme eigenvalues of H, by Lanczos over our products', () => {
    const { smallest, largest } = extremeEigenvalues({ product: at.product, start: at.gradient, iterations: 40 });
    const scale = Math.max(Math.abs(hessian.smallestEigenvalue), Math.abs(hessian.largestEigenvalue));
    expectScalar('eigenvalues', smallest, hessian.smallestEigenvalue, 1e-5, scale);
    expectScalar('eigenvalues', largest, hessian.largestEigenvalue, 1e-5, scale);
  }, 300_000);

  if (dense !== undefined && existsSync(path.join(folder, 'dense-z.safetensors'))) test('dense solve: our products bring its z back to ∇F; a_i, and a hypergradient that clips', async () => {
    const z = await valuesOf(path.join(folder, 'dense-z.safetensors'));
    expectRecords('dense z', z, dense.z, { relative: 1e-6 });
    expectScalar('dense ‖z‖', norm(z), dense.zGlobalNorm, 1e-6);
    // z is stored in float32 and may be hundreds of times longer than v: a rounding of it is that much of v
    const residual = norm(difference(difference(at.gradient, at.product(z)), z, dense.delta));
    expect(residual / norm(z)).toBeLessThan(1e-6);
    expectHyper('dense', z, dense);
  });
});

/** a tolerance just above its residual stops there */
function middle(iterates: NonNullable<Exact['cg']>['iterates']): (typeof iterates)[number] | undefined {
  return iterates.at(Math.min(1, iterates.length - 1));
}

async function valuesOf(file: string): Promise<NamedValues> {
  const { arrays, shapes } = await readSafetensors(file);
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, { shape: shapes[name], values }]));
}

interface Settled {
  readonly folder: string;
  readonly recording: Recording;
  readonly mode: Mode;
  readonly solves: Readonly<Record<string, Partial<SolverSettings> & Pick<SolverSettings, 'method'>>>;
}

/** The point after the inner steps of step 0, before the score model's: products, solves from z = 0 and hypergradients there. */
async function settled({ folder, recording, mode, solves }: Settled): Promise<{
  readonly gradient: NamedValues;
  product(direction: NamedValues): NamedValues;
  /** iterates, z, and what the solver says */
  solve(name: string): NamedValues;
  hyper(z: NamedValues): NamedValues;
  dispose(): void;
}> {
  const { hyper: settings, trainBatches } = recording;
  const [step] = recordedSteps(recording);
  const weights = await weightsOf({ folder, shared: inFixtures('outer-step'), tiny: inFixtures('tiny-neox') });
  const recorded = recordedProgram({ recording, weights, mode });
  defineEntries(recorded, recording, solves);
  const { program, call, start } = recorded;
  await program.build();
  program.setAll(start());

  const rate = warmUpThenCosine({ step: 0, peak: settings.lrProxy, warmUpSteps: settings.scheduleWarmupSteps, totalSteps: settings.scheduleTotalSteps });
  step.batches.inner.forEach((index, k) => call('inner', { ids: flatIds(trainBatches[index]), learningRate: rate, first: 1, ...biasCorrections(k + 1, settings) }));
  const state = program.getAll();
  const ids = flatIds(trainBatches[step.batches.outer]);
  const validation = validationOf(recording, step);
  const outer = call(outerEntry(validation), {
    ids,
    validationIds: flatIds(validation.inputIds),
    validationMask: Float32Array.from(validation.labels.flat(), (label) => (label === -1 ? 0 : 1)),
    learningRate: 0,
    first: recording.mode === 'release' ? 1 : 0,
    ...biasCorrections(1, settings),
  });
  const batch = { ids, weights: Float32Array.from(one(outer, 'weights').values) };
  const gradient = under(outer, 'upperGradient');

  const towards = (vector: NamedValues): void => {
    const direction: Record<string, Float32Array> = {};
    for (const [name, { values }] of Object.entries(vector)) direction[`direction/${name}`] = Float32Array.from(values);
    program.setAll({ ...state, ...direction } satisfies NamedArrays);
  };
  const solved = new Map<string, NamedValues>();
  return {
    gradient,
    product: (direction) => {
      towards(direction);
      return under(call('product', batch), 'product');
    },
    solve: (name) => {
      const known = solved.get(name);
      if (known !== undefined) return known;
      towards(gradient);
      const solution = call(name, batch);
      solved.set(name, solution);
      return solution;
    },
    hyper: (z) => {
      towards(z);
      return call('hyper', batch);
    },
    dispose: () => program.dispose(),
  };
}

function defineEntries({ atPoint, direction }: RecordedProgram, recording: Recording, solves: Settled['solves']): void {
  atPoint('product', ({ curvature }, io) => ({ product: curvature(direction(io)) }));
  atPoint('hyper', ({ models, score, lower: { proxy, params, batch, settings } }, io) => {
    const a = alignment({ proxy, params, ids: batch.ids, causalProxy: settings.causalProxy, z: direction(io) });
    const scoresOf = (p: typeof score): ReturnType<typeof models.score.scores> => models.score.scores({ params: p, ids: batch.ids });
    const outcome = hypergradient({ scoresOf, scoreParams: score, scores: scoresOf(score), alignment: a, weights: 'softmax' });
    return { alignment: a, ...outcome, clipped: clipPerTensor(outcome.hypergradient, recording.hyper.gradClip).clipped };
  });
  for (const [name, changes] of Object.entries(solves)) {
    atPoint(name, ({ curvature }, io) => {
      const settings: SolverSettings = { ...settingsOf(recording).solver, start: 'zero', ...changes };
      return zSolvers[settings.method].solve({ curvature, gradient: direction(io), start: undefined, settings });
    });
  }
}
