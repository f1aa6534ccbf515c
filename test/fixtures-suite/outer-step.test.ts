import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectRecords, expectScalar, expectVector, expectWeights, ofAlignment, ofHypergradient, report, scaled, type RecordTolerance, type Taken } from './compare.js';
import { found, inFixtures, lacks, runnable } from './folder.js';
import { weightsOf, type LowerRecord, type StepRecord } from './recording.js';
import { runRecording, type StepRun } from './sequence.js';
import { difference, norm, numberOf, one, under, type NamedValues } from './values.js';
import { waysOf } from './ways.js';

for (const { name, missing } of found.filter((each) => each.missing.length > 0)) lacks(`the weights of ${missing.join(', ')}, for ${name}`);

/** float32 against float64, about 1e-7 a rounding: factors and signs are found by far */
const tolerance = {
  scalar: 1e-6,
  weights: 3e-7,
  gradient: { relative: 8e-6 },
  z: { relative: 1e-5 },
  /** of a tensor's residual, before its clip */
  residual: 3e-6,
} satisfies Record<string, number | RecordTolerance>;

const cases = runnable.flatMap((each) => waysOf(each).map((way) => ({ ...each, ...way })));

if (found.length === 0) lacks('a recorded outer step');

describe.each(cases)('$name, $way', ({ name, folder, recording, mode, logitsAtOnce, way }) => {
  const { hyper } = recording;
  const precisions = (['float64', 'float32'] as const).filter((precision) => recording.steps[precision] !== undefined);
  const [reference] = precisions;
  const first = recording.steps[reference] ?? [];
  let runs: readonly StepRun[] = [];
  beforeAll(async () => {
    const weights = await weightsOf({ folder, shared: inFixtures('outer-step'), tiny: inFixtures('tiny-neox') });
    runs = await runRecording({ recording, weights, mode, logitsAtOnce, steps: first });
  }, 600_000);
  afterAll(() => report(`${name}, ${way}`));

  test('has steps to be held against', () => {
    expect(first.length).toBeGreaterThan(0);
    expect(runs.length).toBe(first.length);
  });

  const steps = precisions.flatMap((precision) => (recording.steps[precision] ?? []).map((step, t) => ({ precision, t, step })));
  describe.each(steps)('outer step $t against $precision', ({ precision, t, step }) => {
    /** a float32 reference has roundings of its own */
    const slack = precision === 'float32' ? 2 : 1;
    const history = (recording.steps[precision] ?? []).slice(0, t + 1);
    const gradient = scaled(tolerance.gradient, slack);
    const run = (): StepRun => runs[t];
    const expectLower = (actual: NamedValues, expected: LowerRecord): void => {
      expectVector('scores', one(actual, 'scores'), expected.scores, slack * tolerance.weights);
      expectVector('weights', one(actual, 'weights'), expected.weights, slack * tolerance.weights);
      expectScalar('Σ weights', Array.from(one(actual, 'weights').values).reduce((a, b) => a + b, 0), expected.weightsSum, slack * tolerance.weights);
      expectVector('L_i', one(actual, 'perSampleLoss'), expected.perSampleLoss, slack * tolerance.scalar);
      expectScalar('Σ P_i L_i', numberOf(actual, 'weightedCrossEntropy'), expected.weightedCE, slack * tolerance.scalar);
      expectScalar('KL', numberOf(actual, 'kl'), expected.kl, slack * tolerance.scalar);
      expectScalar('‖θ‖²', numberOf(actual, 'sumOfSquares'), expected.sumOfSquares, slack * tolerance.scalar);
    };

    test('learning rates follow the schedule; the normaliser is that of the step before', () => {
      expect(run().learningRates.proxy).toBeCloseTo(step.lrProxy, 12);
      expect(run().learningRates.score).toBeCloseTo(step.lrScore, 12);
      const before = step.normaliser;
      if (before?.max == null || before.sum == null) return;
      expectScalar('normaliser before, max', run().normaliserBefore.max, before.max, slack * tolerance.weights);
      expectScalar('normaliser before, sum', run().normaliserBefore.sum, before.sum, slack * tolerance.weights);
    });

    test('inner steps: scores, weights, losses, gradient, clip and the proxy after', () => {
      expect(step.inner.length).toBe(hyper.innerSteps);
      step.inner.forEach((expected, k) => {
        const actual = run().inner[k];
        expectLower(actual, expected);
        expectScalar('G', numberOf(actual, 'lowerLoss'), expected.G, slack * tolerance.scalar);
        expectScalar('‖∇G‖', numberOf(actual, 'gradientNorm'), expected.gradGlobalNorm, slack * tolerance.scalar);
        // what went into the first moment: m − β₁ m before, over (1 − β₁)
        const before = run().inner[k - 1] ?? runs[t - 1]?.inner.at(-1);
        const added = difference(under(actual, 'momentum'), before === undefined ? {} : under(before, 'momentum'), hyper.beta1);
        const factor = norm(added) / (1 - hyper.beta1) / norm(under(actual, 'gradient'));
        expectScalar('clip', factor, expected.clipCoefficient, slack * tolerance.scalar);
        // the 1e-6 beside ‖∇G‖ is about as large as float32's error of ‖∇G‖: held against the norm as it was computed
        expectScalar('clip by our ‖∇G‖', factor, Math.min(1, hyper.gradClip / (numberOf(actual, 'gradientNorm') + hyper.gradClipEps)), 2e-7);
        expectRecords('∇G', under(actual, 'gradient'), expected.grad, gradient);
        expectWeights('θ_p after', under(actual, 'proxy'), expected.proxyAfter, { taken: innerTaken(k + 1), epsilon: hyper.adamEps, slack });
      });
    });

    test('F and ∇F of the validation batch', () => {
      const { outer } = run();
      expectScalar('F', numberOf(outer, 'upperLoss'), step.val.F, slack * tolerance.scalar);
      expectRecords('∇F', under(outer, 'upperGradient'), step.val.gradF, gradient);
      expectScalar('‖∇F‖', norm(under(outer, 'upperGradient')), step.val.gradFGlobalNorm, slack * tolerance.scalar);
      expect(step.val.labels.flat().filter((label) => label !== -1)).toHaveLength(step.val.countedTokens);
    });

    test('G on the outer batch, its parts and its gradient', () => {
      const { outer } = run();
      expectLower({ ...under(outer, 'lower'), scores: one(outer, 'scores'), weights: one(outer, 'weights') }, step.outerLower);
      expectScalar('G outer', numberOf(outer, 'lower/loss'), step.outerLower.G, slack * tolerance.scalar);
      expectRecords('∇G outer', under(outer, 'lowerGradient'), step.outerLower.gradG, gradient);
    });

    test('z: its start, each iteration, and the residual norms before the clip', () => {
      const { outer } = run();
      expectRecords('z at the start', under(outer, 'start'), step.z.init, { relative: 1e-7 });
      expect(Object.keys(outer).some((path) => path.startsWith(`solution/iterates/${step.z.loops.length}/`))).toBe(false);
      step.z.loops.forEach((loop, i) => {
        const norms = under(outer, `solution/tensorResidualNorms/${i}`);
        expect(Object.keys(norms).sort()).toEqual(Object.keys(loop.residualNormBeforeClip).sort());
        for (const [tensor, expected] of Object.entries(loop.residualNormBeforeClip)) expectScalar('residual norm', numberOf(norms, tensor), expected, slack * tolerance.residual);
        expectRecords('z', under(outer, `solution/iterates/${i}`), loop.z, scaled(tolerance.z, slack));
      });
      const [last] = step.z.loops.slice(-1);
      expectRecords('z', under(outer, 'z'), last.z, scaled(tolerance.z, slack));
      const whole = Math.hypot(...Object.values(last.residualNormBeforeClip));
      expectScalar('‖r‖', numberOf(outer, 'residualNorm'), whole, slack * tolerance.residual);
      expectScalar('‖r‖ / ‖v‖', numberOf(outer, 'relativeResidual'), whole / step.val.gradFGlobalNorm, slack * tolerance.residual);
      expectScalar('‖z‖', numberOf(outer, 'zNorm'), Math.hypot(...Object.values(last.z).map((record) => record.norm)), slack * tolerance.scalar);
    });

    test("a_i, the part of them that z's start brings, coefficients, hypergradient, clipped", () => {
      const { outer } = run();
      const expected = step.hyper;
      expectVector('scores', one(outer, 'scores'), expected.scores, slack * tolerance.weights);
      expectVector('exact weights', one(outer, 'exactWeights'), expected.weights, slack * tolerance.weights);
      expectVector('L_i', one(outer, 'lower/perSampleLoss'), expected.perSampleLoss, slack * tolerance.scalar);
      const ofA = (a: readonly number[], z: Readonly<Record<string, { readonly norm: number }>>): number => slack * ofAlignment({ a, gradient: step.outerLower.gradG, zNorm: Math.hypot(...Object.values(z).map((record) => record.norm)) });
      const [last] = step.z.loops.slice(-1);
      const toleranceOfA = ofA(expected.a, last.z);
      expectVector('a_i', one(outer, 'alignment'), expected.a, toleranceOfA);
      expectVector('a_i of the start', one(outer, 'alignmentOfStart'), expected.aFromInitOfZ, ofA(expected.aFromInitOfZ, step.z.init));
      expectScalar('ā', numberOf(outer, 'meanAlignment'), expected.aBar, toleranceOfA, Math.max(...expected.a.map(Math.abs)));
      const { coefficients, tensors } = ofHypergradient(expected);
      expectVector('c_i', one(outer, 'coefficients'), expected.coefficients, slack * coefficients);
      expectRecords('∇Φ', under(outer, 'hypergradient'), expected.hypergradient, scaled(tensors, slack));
      expectRecords('∇Φ clipped', under(outer, 'clippedHypergradient'), expected.clipped, scaled(tensors, slack));
    });

    test('θ_s after, and the normaliser for the next step', () => {
      const { outer } = run();
      const taken = history.map((past): Taken => ({ gradient: past.hyper.clipped, factor: 1, tolerance: scaled(ofHypergradient(past.hyper).tensors, slack), learningRate: past.lrScore }));
      expectWeights('θ_s after', under(outer, 'score'), step.scoreAfter, { taken, epsilon: hyper.adamEps, slack });
      if (step.normaliserAfter === undefined) return;
      expectScalar('normaliser max', numberOf(outer, 'normaliser/max'), step.normaliserAfter.max, slack * tolerance.weights);
      expectScalar('normaliser sum', numberOf(outer, 'normaliser/sum'), step.normaliserAfter.sum, slack * tolerance.weights);
    });

    /** the gradients of all updates of the proxy up to the k-th of this outer step */
    const innerTaken = (k: number): Taken[] =>
      history.flatMap((past: StepRecord, i) =>
        past.inner.slice(0, i === t ? k : undefined).map((inner): Taken => ({ gradient: inner.grad, factor: inner.clipCoefficient, tolerance: gradient, learningRate: past.lrProxy })),
      );
  });
});
