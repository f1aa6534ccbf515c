import { html, table } from '../html.js';
import { count, figures, percent } from '../numbers.js';
import type { ReportData } from '../types.js';
import type { Section } from './section.js';

/** How well probed influences are predicted; nothing where no arm goes by them. */
export function influenceSection({ influence = [] }: ReportData): readonly Section[] {
  if (influence.length === 0) return [];
  const numbers = table({
    caption: 'Influence: validation loss before minus after one step of the target on a row alone, nats a token. Error and correlation are on probes that the regression did not learn from',
    rows: influence,
    columns: [
      { name: 'seed', numeric: true, cell: ({ seed }) => seed },
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'round', numeric: true, cell: ({ round }) => round },
      { name: 'probes', numeric: true, cell: ({ probes }) => count(probes) },
      { name: 'of them held out', numeric: true, cell: ({ heldOut }) => count(heldOut) },
      { name: 'mean influence', numeric: true, cell: ({ mean }) => figures(mean) },
      { name: 'deviation', numeric: true, cell: ({ deviation }) => figures(deviation) },
      { name: 'unexplained variance', numeric: true, cell: ({ heldOutLoss }) => percent(heldOutLoss) },
      { name: 'Spearman', numeric: true, cell: ({ spearman }) => spearman.toFixed(3) },
    ],
  });
  const body = html`${numbers}<p>A Spearman correlation of 0 means that predicted influences order rows as chance does; with few held-out probes, n of them, one within ±2/√n of 0 says nothing. Unexplained variance: mean squared error over the variance of the probes that were learnt from; above 100% the mean alone predicts better.</p>`;
  return [{ id: 'influence', title: 'Learning influences', body }];
}
