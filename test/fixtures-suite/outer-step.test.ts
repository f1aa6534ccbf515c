import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alignment, lowerLoss } from '../../lib/bilevel/index.js';
import { mapNamed } from '../../lib/optim/index.js';
import { tf, valueAndGradients } from '../../lib/tensor/index.js';
import { expectRecords, expectScalar, expectVector, ofHypergradient, report, type RecordTolerance } from './compare.js';
import { fixtures, holds, readJson, recordings } from './folder.js';
import { weightsOf, type LowerRecord, type Recording, type Records, type StepRecord } from './recording.js';
import { keepAll } from './keep.js';
import { lowerAt, runRecording, type StepRun } from './sequence.js';

test('the folder of fixtures holds something', () => {
  expect(holds('tiny-neox') || holds('outer-step'), `nothing of the layout in ${fixtures}`).toBe(true);
});

describe.each(recordings())('$name', ({ name, folder, file }) => {
  const recording = readJson<Recording>(file);
  const steps: readonly StepRecord[] = recording.steps.float64 ?? recording.steps.float32 ?? [];
  let runs: readonly StepRun[] = [];
  beforeAll(async () => {
    const weights = await weightsOf(folder);
    tf.tidy(() => {
      runs = keepAll(runRecording(recording, weights, steps));
    });
  });
  afterAll(() => report(name));

  describe.each(steps.map((step, t) => ({ t, step })))('outer step $t', ({ t, step }) => {
    const run = (): StepRun => runs[t];

    test('learning rates follow the schedule', () => {
      expect(run().learningRates.proxy).toBeCloseTo(step.lrProxy, 12);
      expect(run().learningRates.score).toBeCloseTo(step.lrScore, 12);
    });

    test('inner steps: scores, weights, losses, gradient, clip and the proxy after', () => {
      expect(step.inner.length).toBe(recording.hyper.innerSteps);
      step.inner.forEach((expected, k) => {
        const { proxy, lowerLoss: G, gradient, gradientNorm, ...parts } = run().inner[k];
        expectLower({ ...parts, loss: G }, expected);
        expectScalar('‖∇G‖', gradientNorm, expected.gradGlobalNorm, 1e-5);
        expectRecords('∇G', gradient, expected.grad, ofGradient(expected.grad));
        expectRecords('θ_p after', proxy, expected.proxyAfter, afterAdam(recording.hyper.lrProxy, t * recording.hyper.innerSteps + k + 1));
      });
    });

    test('∇F of the validation batch', () => {
      expectScalar('F', run().outer.upperLoss, step.val.F, 1e-5);
      expectRecords('∇F', run().outer.upperGradient, step.val.gradF, ofGradient(step.val.gradF));
    });

    test('G on the outer batch, and its gradient', () => {
      tf.tidy(() => {
        const { point, outer } = run();
        expectLower({ ...lowerAt(point), scores: outer.scores, weights: outer.weights }, step.outerLower);
        const { gradients } = valueAndGradients((params) => lowerLoss({ ...point.lower, params }).loss, point.proxy);
        expectRecords('∇G outer', gradients, step.outerLower.gradG, ofGradient(step.outerLower.gradG));
      });
    });

    test('z after each iteration, and the residual norms before the clip', () => {
      const { iterates, tensorResidualNorms } = run().outer.solution;
      expect(iterates.length).toBe(step.z.loops.length);
      step.z.loops.forEach((loop, i) => {
        for (const [tensor, norm] of Object.entries(loop.residualNormBeforeClip)) expectScalar('residual norm', tensorResidualNorms[i][tensor], norm, 1e-4);
        expectRecords('z', iterates[i], loop.z, { relative: 5e-5, absolute: 1e-8 });
      });
    });

    test('a_i, coefficients and the hypergradient, clipped', () => {
      const { outer } = run();
      expectVector('scores', outer.scores, step.hyper.scores, 1e-6);
      expectVector('a_i', outer.alignment, step.hyper.a, 5e-5);
      const tolerance = ofHypergradient(step.hyper);
      expectVector('c_i', outer.coefficients, step.hyper.coefficients, tolerance.coefficients);
      expectScalar('ā', outer.meanAlignment, step.hyper.aBar, 5e-5, Math.max(...step.hyper.a.map(Math.abs)));
      expectRecords('∇Φ', outer.hypergradient, step.hyper.hypergradient, tolerance.tensors);
      expectRecords('∇Φ clipped', outer.clippedHypergradient, step.hyper.clipped, tolerance.tensors);
    });

    test("the part of a_i that z's start brings", () => {
      tf.tidy(() => {
        const { point } = run();
        const start = mapNamed(point.proxy, (p, tensor) => tf.fill(p.shape, step.z.init[tensor].first[0]));
        const { proxy, batch, settings, params } = point.lower;
        expectVector('a_i of the start', alignment({ proxy, params, ids: batch.ids, causalProxy: settings.causalProxy, z: start }), step.hyper.aFromInitOfZ, 1e-5);
      });
    });

    test('θ_s after, and the normaliser for the next step', () => {
      const { outer } = run();
      expectRecords('θ_s after', outer.score, step.scoreAfter, afterAdam(recording.hyper.lrScore, t + 1));
      if (step.normaliserAfter) {
        expectScalar('normaliser max', outer.normaliser.max, step.normaliserAfter.max, 1e-6);
        expectScalar('normaliser sum', outer.normaliser.sum, step.normaliserAfter.sum, 1e-6);
      }
    });
  });
});

type Lower = Pick<ReturnType<typeof lowerLoss>, 'loss' | 'weightedCrossEntropy' | 'kl' | 'sumOfSquares' | 'perSampleLoss'> & Pick<StepRun['outer'], 'scores' | 'weights'>;

function expectLower(actual: Lower, expected: LowerRecord): void {
  expectVector('scores', actual.scores, expected.scores, 1e-6);
  expectVector('weights', actual.weights, expected.weights, 1e-6);
  expectScalar('Σ weights', tf.tidy(() => tf.sum(actual.weights).dataSync()[0]), expected.weightsSum, 1e-6);
  expectVector('L_i', actual.perSampleLoss, expected.perSampleLoss, 1e-5);
  expectScalar('Σ P_i L_i', actual.weightedCrossEntropy, expected.weightedCE, 1e-5);
  expectScalar('KL', actual.kl, expected.kl, 1e-5);
  expectScalar('‖θ‖²', actual.sumOfSquares, expected.sumOfSquares, 1e-5);
  expectScalar('G', actual.loss, expected.G, 1e-5);
}

/**
 * Where a gradient is below Adam's ε its rounding error decides a part of the step: 0.5% of one is excused, 30 times less than what a
 * missing decay or bias correction makes.
 */
const afterAdam = (learningRate: number, updates: number): RecordTolerance => ({ relative: 2e-6, absolute: 5e-3 * learningRate * updates });

/** gradients that are zero in theory are rounding of the whole gradient's size */
const ofGradient = (records: Records): RecordTolerance => ({ relative: 1e-4, absolute: 1e-7 * Math.max(...Object.values(records).map((r) => r.norm)) });
