import * as Plot from '@observablehq/plot';
import { tokensToRandom } from '../held-out-curve.js';
import { figure, folded, html, table, type Html } from '../html.js';
import { count, loss, mean, percent, unique } from '../numbers.js';
import { draw, WIDE } from '../plot.js';
import type { ReportData } from '../types.js';
import { armLegend, armStyle, thinned, type Section } from './section.js';

/** Rows of a table beside a curve; all values are in the report's data. */
const TABLE_ROWS = 24;

/** Held-out loss by tokens within rounds, where it was taken (`evaluation.everySteps`). */
export function heldOutCurveSections(data: ReportData): Section[] {
  const curves = data.training.flatMap(({ seed, arm, heldOut = [] }) => (arm === null || heldOut.length === 0 ? [] : [{ seed, arm, points: heldOut }]));
  if (curves.length === 0) return [];
  const arms = unique(curves.map(({ arm }) => arm));
  const means = arms.map((arm) => {
    const own = curves.filter((one) => one.arm === arm);
    const places = unique(own.flatMap(({ points }) => points.map(({ tokens }) => tokens))).sort((a, b) => a - b);
    return { arm, points: places.flatMap((tokens) => {
      const losses = own.flatMap(({ points }) => points.filter((point) => point.tokens === tokens).map((point) => point.loss));
      return losses.length < own.length ? [] : [{ tokens, loss: mean(losses) }]; // a mean over fewer seeds would leap
    }) };
  });
  const graphic = draw({
    label: `held-out loss by tokens, one line an arm and seed, ${count(curves.length)} lines`,
    width: WIDE,
    height: 320,
    x: { label: 'tokens that the target has been trained on →' },
    y: { label: 'held-out loss (nats a token)', grid: true, zero: false },
    marks: [
      ...curves.map(({ arm, seed, points }) => Plot.line(points, { x: 'tokens', y: 'loss', stroke: armStyle(data, arm).colour, strokeWidth: 1, strokeOpacity: 0.3, title: () => `${arm}, seed ${seed}` })),
      ...means.map(({ arm, points }) => Plot.line(points, { x: 'tokens', y: 'loss', stroke: armStyle(data, arm).colour, strokeDasharray: armStyle(data, arm).dash, strokeWidth: 2.2, title: () => arm })),
    ],
  });
  const numbers = table({
    caption: 'Means over seeds; the points of each seed are in the data at the end',
    rows: means.flatMap(({ arm, points }) => thinned(points, TABLE_ROWS).map((point) => ({ arm, ...point }))),
    columns: [
      { name: 'arm', cell: (p) => p.arm },
      { name: 'tokens', numeric: true, cell: (p) => count(p.tokens) },
      { name: 'held-out loss', numeric: true, cell: (p) => loss(p.loss) },
    ],
  });
  return [{ id: 'held-out-curve', title: 'Held-out loss by tokens', body: html`${tokensTable(data)}${armLegend(data, arms)}${figure({
    graphic,
    caption: 'Bold: mean over seeds. Faint: each seed. All losses are of weights as they are on the way, without the decay of the side branch that the results are after, so they lie above those; arms are compared like with like.',
    numbers: folded('Numbers', numbers),
  })}` }];
}

function tokensTable(data: ReportData): Html | undefined {
  const rows = tokensToRandom(data);
  if (rows.length === 0) return undefined;
  return table({
    caption: 'Tokens until an arm’s held-out loss first is what the random arm’s is at its end, as a share of that arm’s tokens, the warm-up included; the interval is over seeds. Between two points the loss is taken to fall evenly',
    rows,
    columns: [
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'tokens to random’s last loss', numeric: true, cell: ({ share, seeds, of }) => (seeds === 0 ? 'never' : seeds < of ? 'not in every seed' : percent(share)) },
      { name: '95% interval', numeric: true, cell: ({ interval }) => (interval === undefined ? '' : `${percent(interval[0])} to ${percent(interval[1])}`) },
      { name: 'seeds that came there', numeric: true, cell: ({ seeds, of }) => `${seeds} of ${of}` },
    ],
  });
}
