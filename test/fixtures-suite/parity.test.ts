import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunConfig } from '../../config/index.js';
import type { NamedArrays } from '../../lib/tensor/index.js';
import { expectRecords, expectScalar, expectVector, expectWeights, ofAlignment, ofHypergradient, report, scaled, type Taken } from './compare.js';
import { inFixtures, lacks, runnable } from './folder.js';
import { recordedSteps } from './recorded-program.js';
import { configOf, runStage, type OuterStepCalls } from './recorded-stage.js';
import { weightsOf, type Recording, type Weights } from './recording.js';
import { difference, type NamedValues } from './values.js';
import { waysOf } from './ways.js';

/**
 * From a configuration's text through the workflow and the bilevel stage to the compiled step: with `parity: release` the stage comes to what
 * the release's own code has come to, on the same rows.  @see method §6
 */
const releases = runnable.filter(({ recording }) => recording.mode === 'release');
if (releases.length === 0) lacks('a recording of the release');

/** `parity: release`; the number of z's iterations is the recording's own, if it is another than the release's */
const releaseOf = (recording: Recording): RunConfig => {
  const config = configOf(recording, 'release');
  return { ...config, bilevel: { ...config.bilevel, solver: { ...config.bilevel.solver, steps: recording.hyper.zLoops } } };
};

const cases = releases.flatMap((each) => waysOf(each).map((way) => ({ ...each, ...way })));

describe.each(cases)('parity: release on $name, $way', ({ name, folder, recording, mode, logitsAtOnce, way }) => {
  const { hyper } = recording;
  const expected = recordedSteps(recording);
  let weights: Weights;
  let ran: readonly OuterStepCalls[] = [];
  beforeAll(async () => {
    weights = await weightsOf({ folder, shared: inFixtures('outer-step'), tiny: inFixtures('tiny-neox') });
    ran = await runStage({ recording, weights, config: releaseOf(recording), mode, logitsAtOnce });
  }, 600_000);
  afterAll(() => report(`${name}, parity, ${way}`));

  const group = (state: NamedArrays, prefix: string, of: 'proxy' | 'score'): NamedValues =>
    Object.fromEntries(Object.entries(weights[of].shapes).map(([tensor, shape]) => [tensor, { shape, values: state[`${prefix}/${tensor}`] }]));
  const gradient = { relative: 8e-6 };

  test('takes as many steps, of the recorded rows and examples, at the recorded rates', () => {
    expect(ran.length).toBe(expected.length);
    ran.forEach(({ inner, outer }, t) => {
      expect(inner.length).toBe(hyper.innerSteps);
      inner.forEach(({ given }, k) => {
        expect([...given.ids]).toEqual(recording.trainBatches[expected[t].batches.inner[k]].flat());
        expect(given).toMatchObject({ update: t * hyper.innerSteps + k + 1, first: t === 0 });
        expect(given.learningRate).toBeCloseTo(expected[t].lrProxy, 12);
      });
      expect([...outer.given.ids]).toEqual(recording.trainBatches[expected[t].batches.outer].flat());
      expect(outer.given).toMatchObject({ update: t + 1, first: t === 0 });
      expect(outer.given.learningRate).toBeCloseTo(expected[t].lrScore, 12);
      expect(outer.given.validationMask.reduce((sum, x) => sum + x, 0)).toBe(expected[t].val.countedTokens);
    });
  });

  test('inner steps: scores, losses, ∇G and the proxy after', () => {
    ran.forEach(({ inner }, t) =>
      inner.forEach(({ outputs, state }, k) => {
        const record = expected[t].inner[k];
        expectVector('scores', { values: outputs.scores }, record.scores, 3e-7);
        expectScalar('Σ P_i L_i', outputs.weightedCrossEntropy, record.weightedCE, 1e-6);
        expectScalar('KL', outputs.kl, record.kl, 1e-6);
        expectScalar('G', outputs.lowerLoss, record.G, 1e-6);
        expectScalar('‖∇G‖', outputs.gradientNorm, record.gradGlobalNorm, 1e-6);
        const before = inner[k - 1]?.state ?? ran[t - 1]?.outer.state;
        const added = difference(group(state, 'proxy.adam.m', 'proxy'), before === undefined ? {} : group(before, 'proxy.adam.m', 'proxy'), hyper.beta1);
        expectRecords('∇G', times(added, 1 / (1 - hyper.beta1) / record.clipCoefficient), record.grad, scaled(gradient, 2));
        expectWeights('θ_p after', group(state, 'proxy', 'proxy'), record.proxyAfter, { taken: innerTaken(t, k + 1), epsilon: hyper.adamEps, slack: 1 });
      }),
    );
  });

  test('outer steps: F, z, a_i, ∇Φ, the score model after, and the normaliser', () => {
    ran.forEach(({ outer: { outputs, state } }, t) => {
      const record = expected[t];
      expectScalar('F', outputs.upperLoss, record.val.F, 1e-6);
      expectVector('scores', { values: outputs.scores }, record.hyper.scores, 3e-7);
      const [last] = record.z.loops.slice(-1);
      expectRecords('z', group(state, 'z', 'proxy'), last.z, { relative: 1e-5 });
      expectScalar('‖r‖', outputs.residualNorm, Math.hypot(...Object.values(last.residualNormBeforeClip)), 3e-6);
      const { a } = record.hyper;
      expectVector('a_i', { values: outputs.alignment }, a, ofAlignment({ a, gradient: record.outerLower.gradG, zNorm: Math.hypot(...Object.values(last.z).map((one) => one.norm)) }));
      const { tensors } = ofHypergradient(record.hyper);
      expectScalar('‖∇Φ‖', outputs.hypergradientNorm, Math.hypot(...Object.values(record.hyper.hypergradient).map((one) => one.norm)), tensors.relative);
      const before = ran[t - 1]?.outer.state;
      const added = difference(group(state, 'score.adam.m', 'score'), before === undefined ? {} : group(before, 'score.adam.m', 'score'), hyper.beta1);
      expectRecords('∇Φ clipped', times(added, 1 / (1 - hyper.beta1)), record.hyper.clipped, scaled(tensors, 2));
      expectWeights('θ_s after', group(state, 'score', 'score'), record.scoreAfter, { taken: outerTaken(t), epsilon: hyper.adamEps, slack: 1 });
      expectScalar('normaliser max', state['normaliser/max'][0], record.normaliserAfter?.max ?? Number.NaN, 3e-7);
      expectScalar('normaliser sum', state['normaliser/sum'][0], record.normaliserAfter?.sum ?? Number.NaN, 3e-7);
    });
  });

  const innerTaken = (t: number, k: number): Taken[] =>
    expected.slice(0, t + 1).flatMap((past, i) =>
      past.inner.slice(0, i === t ? k : undefined).map((inner): Taken => ({ gradient: inner.grad, factor: inner.clipCoefficient, tolerance: gradient, learningRate: past.lrProxy })),
    );
  const outerTaken = (t: number): Taken[] =>
    expected.slice(0, t + 1).map((past): Taken => ({ gradient: past.hyper.clipped, factor: 1, tolerance: ofHypergradient(past.hyper).tensors, learningRate: past.lrScore }));
});

const times = (vector: NamedValues, factor: number): NamedValues =>
  Object.fromEntries(Object.entries(vector).map(([name, { shape, values }]) => [name, { shape, values: Float64Array.from(values, (x) => factor * x) }]));
