import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alignment, hypergradient, zSolvers, type Solution, type SolverSettings } from '../../lib/bilevel/index.js';
import { addNamed, clipPerTensor, globalNorm, scaleNamed, subtractNamed } from '../../lib/optim/index.js';
import { tf, type NamedTensors } from '../../lib/tensor/index.js';
import { expectRecords, expectScalar, expectVector, ofHypergradient, report } from './compare.js';
import { readJson, recordings } from './folder.js';
import { keepAll } from './keep.js';
import { modelsOf, settingsOf, tensorsOf, weightsOf, type Exact, type HyperRecord, type Recording } from './recording.js';
import { runRecording, type StepRun } from './sequence.js';

const exact = recordings()
  .map((found) => ({ ...found, recording: readJson<Recording>(found.file) }))
  .flatMap(({ recording, ...found }) => (recording.exactAtStep0 ? [{ ...found, recording, at0: recording.exactAtStep0 }] : []));

test.skipIf(exact.length === 0)('what is recorded of exact solves is enough to test them', () => {
  for (const { at0 } of exact) {
    expect(at0.cg.iterates.length).toBeGreaterThan(0);
    expect(at0.neumann.results.length).toBeGreaterThan(0);
  }
});

describe.each(exact)('exact solves at step 0 of $name', ({ name, folder, recording, at0 }) => {
  let run: StepRun;
  beforeAll(async () => {
    const weights = await weightsOf(folder);
    const [first] = recording.steps.float64 ?? recording.steps.float32 ?? [];
    tf.tidy(() => {
      [run] = keepAll(runRecording(recording, weights, [first]));
    });
  });
  afterAll(() => report(`exact, ${name}`));

  const solve = (changes: Partial<SolverSettings> & Pick<SolverSettings, 'method'>): Solution => {
    const settings = { ...settingsOf(recording).solver, start: 'zero' as const, ...changes };
    return zSolvers[settings.method]({ curvature: run.point.curvature, gradient: run.outer.upperGradient, start: undefined, settings });
  };
  const relative = (error: NamedTensors, whole: NamedTensors): number => tf.div(globalNorm(error), globalNorm(whole)).dataSync()[0];

  /** from z to the clipped hypergradient */
  const expectHyper = (kind: string, z: NamedTensors, expected: HyperRecord): void => {
    const { proxy, params, batch, settings } = run.point.lower;
    const a = alignment({ proxy, params, ids: batch.ids, causalProxy: settings.causalProxy, z });
    expectVector(`${kind} a_i`, a, expected.a, 5e-5);
    const { score } = run.point;
    const model = modelsOf(recording).score;
    const outcome = hypergradient({ scoresOf: (p) => model.scores({ params: p, ids: batch.ids }), scoreParams: score, scores: run.outer.scores, alignment: a, weights: 'softmax' });
    const tolerance = ofHypergradient(expected);
    // z itself is a solve's outcome here, with an error of its own
    const ofZ = { ...tolerance.tensors, relative: 2 * tolerance.tensors.relative };
    expectVector(`${kind} c_i`, outcome.coefficients, expected.coefficients, tolerance.coefficients);
    expectRecords(`${kind} ∇Φ`, outcome.hypergradient, expected.hypergradient, ofZ);
    const { clipped } = clipPerTensor(outcome.hypergradient, recording.hyper.gradClip);
    expectRecords(`${kind} ∇Φ clipped`, clipped, expected.clipped, ofZ);
  };

  test('cg: iterates, the converged z in full, and its hypergradient', () => {
    tf.tidy(() => {
      const { cg } = at0;
      const steps = Math.max(...cg.iterates.map((i) => i.iteration));
      const solution = solve({ method: 'cg', steps, damping: cg.delta });
      expect(solution.negativeCurvature.dataSync()[0]).toBe(0);
      for (const { iteration, z, zNorm } of cg.iterates) {
        expectScalar('cg ‖z‖', globalNorm(solution.iterates[iteration - 1]), zNorm, 1e-5);
        expectRecords('cg z', solution.iterates[iteration - 1], z, { relative: 1e-4, absolute: 1e-8 });
      }
      const last = cg.iterates[cg.iterates.length - 1];
      const residual = tf.div(solution.residualNorm, globalNorm(run.outer.upperGradient)).dataSync()[0];
      expect(residual).toBeLessThan(1.2 * last.relativeResidual + 1e-6);
      expect(residual).toBeGreaterThan(0.8 * last.relativeResidual - 1e-6);
      const converged = solve(untilConverged(cg));
      expectRecords('cg z converged', converged.z, cg.z, { relative: 1e-4, absolute: 1e-8 });
      expectHyper('cg', converged.z, cg);
    });
  });

  test.skipIf(!existsSync(path.join(folder, 'cg-z.safetensors')))('cg: every element of z', async () => {
    const expected = await tensorsOf(path.join(folder, 'cg-z.safetensors'));
    tf.tidy(() => {
      const { z } = solve(untilConverged(at0.cg));
      expect(relative(subtractNamed(z, expected), expected)).toBeLessThan(1e-5);
    });
  });

  test('cg: the tolerance stops it at the recorded iteration', () => {
    tf.tidy(() => {
      const { iteration, relativeResidual, z: expected } = at0.cg.iterates[Math.min(1, at0.cg.iterates.length - 1)];
      const { z } = solve({ method: 'cg', steps: iteration + 2, damping: at0.cg.delta, tolerance: relativeResidual * 1.01 });
      expectRecords('cg z tolerance', z, expected, { relative: 1e-4, absolute: 1e-8 });
    });
  });

  test.skipIf(at0.publishedDamping.plainCGMeetsNegativeCurvature === null)('cg at the published damping: stops before the recorded negative curvature', () => {
    tf.tidy(() => {
      const { delta, plainCGMeetsNegativeCurvature: met } = at0.publishedDamping;
      const iteration = met?.iteration ?? 1;
      const { z, iterates, negativeCurvature } = solve({ method: 'cg', steps: iteration + 2, damping: delta });
      expect(negativeCurvature.dataSync()[0]).toBe(1);
      const good = iteration === 1 ? scaleNamed(z, 0) : iterates[iteration - 2];
      expect(relative(subtractNamed(z, good), run.outer.upperGradient)).toBe(0);
      const before = solve({ method: 'cg', steps: Math.max(1, iteration - 1), damping: delta });
      expect(before.negativeCurvature.dataSync()[0]).toBe(iteration === 1 ? 1 : 0);
      expect(relative(subtractNamed(z, before.z), before.z)).toBeLessThan(1e-6);
    });
  });

  test('neumann: z of every recorded number of terms', () => {
    tf.tidy(() => {
      const { neumann } = at0;
      const steps = Math.max(...neumann.results.map((r) => r.terms));
      const { iterates } = solve({ method: 'neumann', steps, damping: neumann.delta, learningRate: neumann.eta });
      for (const { terms, z, zNorm } of neumann.results) {
        expectScalar('neumann ‖z‖', globalNorm(iterates[terms - 1]), zNorm, 1e-5);
        expectRecords('neumann z', iterates[terms - 1], z, { relative: 1e-4, absolute: 1e-8 });
      }
    });
  });

  const dense = at0.solveAtPublishedDamping;
  test.skipIf(dense === undefined || !existsSync(path.join(folder, 'dense-z.safetensors')))('dense solve: residual of its z under our products, a_i, and a hypergradient that clips', async () => {
    const z = await tensorsOf(path.join(folder, 'dense-z.safetensors'));
    tf.tidy(() => {
      if (dense === undefined) return;
      expectRecords('dense z', z, dense.z, { relative: 1e-6 });
      const v = run.outer.upperGradient;
      const residual = subtractNamed(addNamed(run.point.curvature(z), scaleNamed(z, dense.delta)), v);
      // z is 100 times longer than v, and stored in float32
      expect(relative(residual, v)).toBeLessThan(5e-3);
      expectHyper('dense', z, dense);
    });
  });
});

/** the recorded solve went on to 1e-13; 1e-7 is what float32 allows, and any sooner stop saves products */
const untilConverged = ({ delta, iterations }: Exact['cg']): Pick<SolverSettings, 'method' | 'steps' | 'damping' | 'tolerance'> => ({
  method: 'cg',
  steps: Math.ceil(iterations * 0.6),
  damping: delta,
  tolerance: 1e-7,
});
