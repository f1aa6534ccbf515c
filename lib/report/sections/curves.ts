import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html } from '../html.js';
import { figures, loss, unique } from '../numbers.js';
import { colour, dash, draw, WIDE } from '../plot.js';
import type { BilevelCurve, ReportData, TrainingCurve } from '../types.js';
import { armLegend, armStyle, empty, legend, thinned, type Section } from './section.js';
import { counted } from '../../counted.js';
import { rankFigure } from './ranks.js';

/** Points of a drawn line; more are averaged in groups, which shows the trend better than every batch's noise. */
const DRAWN_POINTS = 240;
/** Rows of a table beside a curve; all values are in the report's data. */
const TABLE_ROWS = 24;

interface Point { readonly step: number; readonly value: number }

/** Means of equal groups of points: one a pixel column or two. */
function averaged(points: readonly Point[]): readonly Point[] {
  const size = Math.ceil(points.length / DRAWN_POINTS);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    return { step: group.reduce((s, p) => s + p.step, 0) / group.length, value: group.reduce((s, p) => s + p.value, 0) / group.length };
  });
}

/** Mean over curves by step, then over a window of a tenth of the length: what a single minibatch's noise hides. */
function trend(curves: readonly (readonly Point[])[]): readonly Point[] {
  const sums = new Map<number, { total: number; n: number }>();
  for (const { step, value } of curves.flat()) {
    const sum = sums.get(step) ?? { total: 0, n: 0 };
    sums.set(step, { total: sum.total + value, n: sum.n + 1 });
  }
  const means = [...sums].sort(([a], [b]) => a - b).map(([step, { total, n }]) => ({ step, value: total / n }));
  const reach = Math.floor(means.length / 20);
  // only where the window is whole: shorter ones at the ends would swing
  const smooth = means.slice(reach, means.length - reach).map(({ step }, i) => {
    const window = means.slice(i, i + 2 * reach + 1);
    return { step, value: window.reduce((sum, p) => sum + p.value, 0) / window.length };
  });
  return averaged(smooth);
}

export function trainingSection(data: ReportData): Section {
  const curves = data.training.filter(({ points }) => points.length > 0);
  return { id: 'training', title: 'Training loss', body: curves.length === 0 ? empty('No training was recorded.') : training(data, curves) };
}

function training(data: ReportData, curves: readonly TrainingCurve[]): Html {
  const arms = unique(curves.map(({ arm }) => arm));
  const faint = unique(curves.map(({ seed }) => seed)).length > 1 ? 0.7 : 1;
  const graphic = draw({
    label: `training loss by step, one line an arm and seed, ${counted(curves.length, 'line')}`,
    width: WIDE,
    height: 320,
    x: { label: 'training step of the target →' },
    y: { label: 'training loss (nats a token)', grid: true, zero: false },
    marks: curves.map((curve) => {
      const style = armStyle(data, curve.arm);
      return Plot.line(averaged(curve.points.map(({ step, loss: value }) => ({ step, value }))), {
        x: 'step', y: 'value', stroke: style.colour, strokeWidth: 1.4, strokeOpacity: faint, title: () => `${curve.arm ?? 'warm-up'}, seed ${curve.seed}`,
        strokeDasharray: style.dash,
      });
    }),
  });
  const numbers = table({
    caption: `Some steps of each curve; all are in the data at the end`,
    rows: curves.flatMap((curve) => thinned(curve.points, TABLE_ROWS).map((point) => ({ ...point, seed: curve.seed, arm: curve.arm ?? 'warm-up' }))),
    columns: [
      { name: 'seed', numeric: true, cell: (p) => p.seed },
      { name: 'arm', cell: (p) => p.arm },
      { name: 'step', numeric: true, cell: (p) => p.step },
      { name: 'loss', numeric: true, cell: (p) => loss(p.loss) },
    ],
  });
  return html`${armLegend(data, arms)}${figure({
    graphic,
    caption: `Loss on the rows each arm trains on, one line a seed. The arms' lines are not to be compared with each other: each has its own rows, and easy rows lie low. What to see: falling, without spikes; a step where a round brings new rows is expected. ${curves.some(({ points }) => points.length > DRAWN_POINTS) ? 'Neighbouring steps are averaged.' : ''}`,
    numbers: folded('Numbers', numbers),
  })}`;
}

type BilevelPoint = BilevelCurve['points'][number];
const QUANTITIES: readonly { readonly key: Exclude<keyof BilevelPoint, 'step'>; readonly name: string; readonly unit: string; readonly log: boolean; readonly see: string }[] = [
  { key: 'upperLoss', name: 'Upper loss F', unit: 'F (nats a token)', log: false, see: 'The proxy’s loss on validation text. It should fall: weighting helps.' },
  { key: 'lowerLoss', name: 'Lower loss G', unit: 'G (nats)', log: false, see: 'The weighted training loss with its penalties. Steady or falling.' },
  { key: 'hypergradientNorm', name: 'Hypergradient', unit: '‖∇Φ‖', log: true, see: 'What the score model learns from, before clipping. Near zero: scores are saturated or alike.' },
  { key: 'zNorm', name: 'Solution z', unit: '‖z‖', log: true, see: 'Solution of the inner system. Growth without end: the system is badly damped.' },
  { key: 'zCosine', name: 'Agreement of z', unit: 'cosine to the step before', log: false, see: 'How much of z two outer minibatches share. Near 0: z is mostly their noise; near 1 from a warm start: z hardly moves.' },
  { key: 'relativeResidual', name: 'Residual of z', unit: '‖v − (H + δI)z‖ / ‖v‖', log: true, see: 'What the solver leaves unsolved, of the last z whose residual it computed. Above 1: z is worse than none.' },
];

export function bilevelSection(data: ReportData): Section {
  const curves = data.bilevel.filter(({ points }) => points.length > 0);
  return { id: 'bilevel', title: 'Learning the score model', body: curves.length === 0 ? empty('No score model was learnt in this run.') : html`${bilevel(curves)}${rankFigure(data)}` };
}

const pick = (curve: BilevelCurve, key: Exclude<keyof BilevelPoint, 'step'>): Point[] => curve.points.map((point) => ({ step: point.step, value: point[key] }));

function bilevel(curves: readonly BilevelCurve[]): Html {
  const rounds = unique(curves.map(({ round }) => round)).sort((a, b) => a - b);
  const several = unique(curves.map(({ arm }) => arm)).length > 1;
  const name = (curve: BilevelCurve): string => `${several ? `${curve.arm}, ` : ''}round ${curve.round}, seed ${curve.seed}`;
  const trends = rounds.map((round) => ({ round, members: curves.filter((curve) => curve.round === round) }));
  const faint = 0.5 / Math.sqrt(Math.max(1, curves.length / rounds.length));
  const recorded = QUANTITIES.filter(({ key }) => curves.some(({ points }) => points.some((point) => Number.isFinite(point[key]))));
  const charts = recorded.map(({ key, name: title, unit, log, see }) => {
    const positive = curves.every(({ points }) => points.every((point) => point[key] > 0));
    const logarithmic = log && positive;
    return figure({
      graphic: html`<h4>${title}</h4>${draw({
        label: `${title} by outer step, one line a round and seed`,
        width: WIDE / 2,
        height: 230,
        x: { label: 'outer step →', ticks: 5 },
        y: { label: `${unit}${logarithmic ? ', log scale' : ''}`, grid: true, zero: false, ...(logarithmic ? { type: 'log' as const, tickFormat: '~g', ticks: 4 } : {}) },
        marks: [
          ...curves.map((curve) =>
            Plot.line(averaged(pick(curve, key)), { x: 'step', y: 'value', stroke: colour(rounds.indexOf(curve.round)), strokeWidth: 1, strokeOpacity: faint, title: () => name(curve) })),
          ...trends.map(({ round, members }) => {
            const index = rounds.indexOf(round);
            return Plot.line(trend(members.map((curve) => pick(curve, key))), { x: 'step', y: 'value', stroke: colour(index), strokeWidth: 2.4, strokeDasharray: dash(index) });
          }),
        ],
      })}`,
      caption: see,
    });
  });
  const numbers = table({
    caption: 'Some outer steps of each curve; all are in the data at the end',
    rows: curves.flatMap((curve) => thinned(curve.points, TABLE_ROWS).map((point) => ({ point, curve }))),
    columns: [
      { name: 'seed', numeric: true, cell: ({ curve }) => curve.seed },
      { name: 'arm', cell: ({ curve }) => curve.arm },
      { name: 'round', numeric: true, cell: ({ curve }) => curve.round },
      { name: 'outer step', numeric: true, cell: ({ point }) => point.step },
      ...recorded.map(({ key, unit }) => ({ name: unit, numeric: true, cell: ({ point }: { readonly point: BilevelPoint }) => figures(point[key]) })),
    ],
  });
  return html`${legend(rounds.map((round, i) => ({ name: `round ${round}`, colour: colour(i), dash: dash(i) })))}<p>Bold: mean over seeds and neighbouring steps. Faint: the single steps of each seed.</p><div class="pair">${charts}</div>${folded('Numbers', numbers)}`;
}
