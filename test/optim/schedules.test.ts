import { describe, expect, test } from 'vitest';
import { bilevelLearningRate, bilevelSteps, decayBranch, warmUpThenConstant, warmUpThenCosine } from '../../lib/optim/index.js';

describe('learning rates at points worked out by hand', () => {
  test.each([
    [0, 0],
    [1, 0.25],
    [3, 0.75],
    [4, 1],
    [8, 0.75], // ½(1 + cos π/3)
    [10, 0.5],
    [16, 0],
    [20, 0],
  ])('warm-up of 4 and cosine to 16: step %i has %f of the peak', (step, share) => {
    expect(warmUpThenCosine({ step, peak: 2e-3, warmUpSteps: 4, totalSteps: 16 })).toBeCloseTo(2e-3 * share, 12);
  });

  test('without a warm-up the first step has the peak', () => {
    expect(warmUpThenCosine({ step: 0, peak: 3, warmUpSteps: 0, totalSteps: 10 })).toBe(3);
    expect(warmUpThenConstant({ step: 0, peak: 3, warmUpSteps: 0 })).toBe(3);
  });

  test('WSD: linear, then constant', () => {
    expect([0, 500, 1999, 2000, 50_000].map((step) => warmUpThenConstant({ step, peak: 1e-3, warmUpSteps: 2000 }))).toEqual([0, 2.5e-4, 9.995e-4, 1e-3, 1e-3]);
  });

  test('decay branch: halved every half-life, a sixteenth after 200 steps of 50', () => {
    expect([0, 50, 100, 200].map((step) => decayBranch({ step, learningRate: 1e-3, halfLife: 50 }))).toEqual([1e-3, 5e-4, 2.5e-4, 6.25e-5]);
    expect(decayBranch({ step: 25, learningRate: 1, halfLife: 50 })).toBeCloseTo(Math.SQRT1_2, 12);
  });

  test('bilevel: a tenth of 3000 outer steps is warm-up', () => {
    const rate = (step: number): number => bilevelLearningRate({ step, peak: 1e-5, warmUpFraction: 0.1, outerSteps: 3000 });
    expect(rate(0)).toBe(0);
    expect(rate(150)).toBeCloseTo(5e-6, 15);
    expect(rate(300)).toBe(1e-5);
    expect(rate(1650)).toBeCloseTo(5e-6, 15);
    expect(rate(3000)).toBe(0);
  });

  test('bilevel: a share of the outer steps that is no whole number of them warms up over the nearest one', () => {
    const firstAtPeak = (outerSteps: number): number => Array.from({ length: outerSteps }, (_, step) => bilevelLearningRate({ step, peak: 1, warmUpFraction: 0.1, outerSteps })).indexOf(1);
    expect([14, 16, 26].map(firstAtPeak)).toEqual([1, 2, 3]); // of 1.4, 1.6 and 2.6
  });

  describe('bilevel by wsd: up over a tenth, constant, then linearly to 0 over as many steps', () => {
    const of = { schedule: 'wsd', warmUpFraction: 0.1, outerSteps: 40 } as const; // w = d = 4
    const rates = (decayFrom?: number): number[] => Array.from({ length: bilevelSteps({ ...of, decayFrom }) }, (_, step) => bilevelLearningRate({ ...of, step, peak: 8, decayFrom }));

    test('at the end of its steps, where nothing ends it', () => {
      expect(rates()).toEqual([0, 2, 4, 6, ...Array.from({ length: 33 }, () => 8), 6, 4, 2]);
      expect(bilevelLearningRate({ ...of, step: 40, peak: 8 })).toBe(0);
    });

    test('from where it is told to fall; never beyond its steps', () => {
      expect(rates(20)).toEqual([0, 2, 4, 6, ...Array.from({ length: 17 }, () => 8), 6, 4, 2]);
      expect(rates(36)).toEqual(rates());
      expect(rates(39)).toEqual(rates());
    });

    test('without a warm-up it ends where it is told to', () => {
      expect(bilevelSteps({ ...of, warmUpFraction: 0, decayFrom: 20 })).toBe(20);
    });
  });

  test('a cosine is ended by nothing', () => {
    expect(bilevelSteps({ warmUpFraction: 0.1, outerSteps: 40, decayFrom: 20 })).toBe(40);
  });
});
