import { expect, test } from 'vitest';
import { bilevelSchema } from '../../config/sections/bilevel.js';
import { selectionSchema } from '../../config/sections/run.js';
import { pretrainingSchema } from '../../config/sections/training.js';
import { applyParity } from '../../lib/bilevel/index.js';

const config = (parity: 'none' | 'release') => ({
  parity,
  name: 'kept',
  bilevel: bilevelSchema.parse({
    outerSteps: 7,
    trainingFraction: 0.5,
    score: { adam: { epsilon: 1e-12, beta1: 0.8 } },
    klDirection: 'proxy-target',
    weights: 'raw',
    solver: { method: 'cg', steps: 9, damping: 3, curvature: 'gauss-newton', start: 'warm' },
  }),
  pretraining: pretrainingSchema.parse({ batchSize: 4 }),
  selection: selectionSchema.parse({ method: 'gumbel-top-k', trainedRows: 'exclude' }),
});

test('release: every departure that a setting undoes is undone, and nothing else', () => {
  const { bilevel, pretraining, selection, ...others } = applyParity(config('release'));
  const before = config('release');
  expect(others).toEqual({ parity: 'release', name: 'kept' });
  expect(bilevel).toEqual({
    ...before.bilevel,
    causalProxy: false,
    trainingFraction: 1,
    disjointBatches: false,
    normaliser: 'stale',
    weights: 'softmax',
    klDirection: 'target-proxy',
    solver: { ...before.bilevel.solver, method: 'gd', curvature: 'hessian', start: 'release' },
    score: { ...before.bilevel.score, adam: { ...before.bilevel.score.adam, epsilon: 1e-8 } },
  });
  expect(bilevel.solver.steps).toBe(9);
  expect(pretraining.peakLearningRatePerRound).toBe('halved');
  expect(selection).toEqual({ ...before.selection, method: 'top-k', trainedRows: 'flag' });
  const once = applyParity(config('release'));
  expect(applyParity(once)).toEqual(once);
});

test('none: the configuration itself', () => {
  const mine = config('none');
  expect(applyParity(mine)).toBe(mine);
});
