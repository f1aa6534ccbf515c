import type { LearntTable } from '../../report/types.js';

/** How well probed influences are predicted. */
export const influenceTable: LearntTable = {
  id: 'influence',
  title: 'Learning influences',
  caption: 'Influence: validation loss before minus after one step of the target on a row alone, nats a token. Error and correlation are on probes that the regression did not learn from',
  columns: [
    { name: 'probes', of: 'probes', as: 'count' },
    { name: 'of them held out', of: 'heldOut', as: 'count' },
    { name: 'mean influence', of: 'influenceMean', as: 'figures' },
    { name: 'deviation', of: 'influenceDeviation', as: 'figures' },
    { name: 'unexplained variance', of: 'heldOutLoss', as: 'percent' },
    { name: 'Spearman', of: 'heldOutSpearman', as: 'correlation' },
  ],
  note: 'A Spearman correlation of 0 means that predicted influences order rows as chance does; with few held-out probes, n of them, one within ±2/√n of 0 says nothing. Unexplained variance: mean squared error over the variance of the probes that were learnt from; above 100% the mean alone predicts better.',
};
