import type { RunConfig } from '../../config/schema.js';

/** what a run is made of that `parity: release` changes */
export type ParitySections = Pick<RunConfig, 'parity' | 'bilevel' | 'pretraining' | 'selection'>;

/**
 * The configuration with every departure of method §6 that a setting can undo set back to the release's, where `parity` is
 * `release`; else as it is. Idempotent.
 *
 * Of the seven, the proxy's width (2) is the user's to write in `models.proxy`, the arbitrary fixed subset (3) and the fp16 ranking (7)
 * are not reproduced: they are accidents of the data's order and of rounding.  @see method §3, §6
 */
export function applyParity<C extends ParitySections>(config: C): C {
  if (config.parity === 'none') return config;
  const { bilevel, pretraining, selection } = config;
  return {
    ...config,
    bilevel: {
      ...bilevel,
      causalProxy: false, // (1)
      trainingFraction: 1, // (4)
      disjointBatches: false, // (5)
      normaliser: 'stale', // (6)
      weights: 'softmax',
      klDirection: 'target-proxy',
      solver: { ...bilevel.solver, method: 'gd', curvature: 'hessian', start: 'release' }, // (6)
      score: { ...bilevel.score, adam: { ...bilevel.score.adam, epsilon: 1e-8 } },
    },
    pretraining: { ...pretraining, peakLearningRatePerRound: 'halved' }, // (6)
    selection: { ...selection, method: 'top-k', trainedRows: 'flag' }, // (4)
  };
}
