import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html } from '../html.js';
import { unique } from '../numbers.js';
import { colour, dash, draw, symbol, WIDE } from '../plot.js';
import type { BilevelCurve, ReportData } from '../types.js';
import { legend } from './section.js';

/** How far the ranking of rows still moves while scores are learnt; undefined where nobody measured it. */
export function rankFigure({ bilevel, stopsAt }: Pick<ReportData, 'bilevel' | 'stopsAt'>): Html | undefined {
  const curves = bilevel.flatMap((curve) => (curve.ranks === undefined || curve.ranks.length === 0 ? [] : [{ ...curve, ranks: curve.ranks }]));
  if (curves.length === 0) return undefined;
  const rounds = unique(curves.map(({ round }) => round)).sort((a, b) => a - b);
  const several = unique(curves.map(({ arm }) => arm)).length > 1;
  const name = ({ arm, round, seed }: BilevelCurve): string => `${several ? `${arm}, ` : ''}round ${round}, seed ${seed}`;
  const graphic = draw({
    label: `rank correlation of the scores with those of the time before, by outer step, one line a round and seed${stopsAt === undefined ? '' : `; learning stops at ${stopsAt}`}`,
    width: WIDE,
    height: 240,
    x: { label: 'outer step →' },
    y: { label: 'rank correlation with the time before', grid: true, nice: true, zero: false },
    marks: [
      ...(stopsAt === undefined ? [] : [Plot.ruleY([stopsAt], { stroke: 'currentColor', strokeDasharray: '4,3' })]),
      ...curves.flatMap((curve) => {
        const index = rounds.indexOf(curve.round);
        // a ranking of nothing but ties has no correlation
        const points = curve.ranks.filter(({ correlation }) => Number.isFinite(correlation));
        return [
          Plot.line(points, { x: 'step', y: 'correlation', stroke: colour(index), strokeWidth: 1.4, strokeDasharray: dash(index) }),
          Plot.dot(points, { x: 'step', y: 'correlation', fill: colour(index), r: 3, symbol: symbol(index), title: () => name(curve) }),
        ];
      }),
    ],
  });
  const numbers = table({
    caption: 'Every time it was measured',
    rows: curves.flatMap((curve) => curve.ranks.map((point) => ({ ...point, curve }))),
    columns: [
      { name: 'seed', numeric: true, cell: ({ curve }) => curve.seed },
      { name: 'arm', cell: ({ curve }) => curve.arm },
      { name: 'round', numeric: true, cell: ({ curve }) => curve.round },
      { name: 'outer step', numeric: true, cell: ({ step }) => step },
      { name: 'rank correlation', numeric: true, cell: ({ correlation }) => correlation.toFixed(4) },
    ],
  });
  return html`<h3>How far the ranking still moves</h3>${legend(rounds.map((round, i) => ({ name: `round ${round}`, colour: colour(i), dash: dash(i) })))}${figure({
    graphic,
    caption: `Spearman’s correlation of the scores of the same rows, now and the time before. Near 1: more steps change little of what is selected.${stopsAt === undefined ? '' : ` Dashed: where learning stops by itself (${stopsAt}).`}`,
    numbers: folded('Numbers', numbers),
  })}`;
}
