import * as Plot from '@observablehq/plot';
import type { ComparedArm } from '../comparison.js';
import { figure, folded, html, table, type Html } from '../html.js';
import { figures, loss, seconds } from '../numbers.js';
import { draw, symbol, WIDE } from '../plot.js';
import type { ReportData } from '../types.js';
import { armStyle } from './section.js';

interface Paid {
  readonly arm: string;
  readonly seconds: number;
  readonly gain: number;
  readonly low: number;
  readonly high: number;
  readonly gainPerHour: number;
}

/** What arms gain for what choosing costs them; undefined where fewer than two have a time and a gain. */
export function costFigure(data: ReportData, compared: readonly ComparedArm[]): Html | undefined {
  const arms = compared.flatMap(({ arm, verdict, perRound, gainPerHour }): Paid[] => {
    const time = perRound?.seconds ?? 0;
    if (verdict?.difference === undefined || verdict.interval === undefined || gainPerHour === undefined || !Number.isFinite(verdict.difference)) return [];
    return [{ arm, seconds: time, gain: verdict.difference, low: verdict.interval[0], high: verdict.interval[1], gainPerHour }];
  });
  if (arms.length < 2) return undefined;
  const graphic = draw({
    label: `gain on random by the time to choose a round’s rows, one mark an arm: ${arms.map(({ arm, gain, seconds: time }) => `${arm} ${loss(gain)} for ${seconds(time)}`).join(', ')}`,
    width: WIDE,
    height: 300,
    marginRight: 130,
    x: { label: 'time to choose, a round (seconds, log scale) →', type: 'log', grid: true, nice: true, tickFormat: '~g', ticks: 5 },
    y: { label: 'gain on random (nats a token)', grid: true, nice: true },
    marks: [
      Plot.ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.5 }),
      ...arms.flatMap((one) => {
        const style = armStyle(data, one.arm);
        return [
          Plot.ruleX([one], { x: 'seconds', y1: 'low', y2: 'high', stroke: style.colour, strokeWidth: 1.5 }),
          Plot.dot([one], { x: 'seconds', y: 'gain', fill: style.colour, r: 5, symbol: symbol(style.index) }),
          Plot.text([one], { x: 'seconds', y: 'gain', text: 'arm', dx: 9, textAnchor: 'start', fill: 'currentColor' }),
        ];
      }),
    ],
  });
  const numbers = table({
    caption: 'Gain, its 95% interval, and what choosing takes',
    rows: arms,
    columns: [
      { name: 'arm', cell: ({ arm }) => arm },
      { name: 'time to choose, a round', numeric: true, cell: (one) => seconds(one.seconds) },
      { name: 'gain on random', numeric: true, cell: ({ gain }) => loss(gain) },
      { name: '95% interval', numeric: true, cell: ({ low, high }) => `${loss(low)} to ${loss(high)}` },
      { name: 'gain for an hour of choosing', numeric: true, cell: ({ gainPerHour }) => figures(gainPerHour) },
    ],
  });
  return html`<h3>Gain and cost</h3>${figure({
    graphic,
    caption: 'Bars: 95% interval of the gain. Up: better; left: cheaper. An arm below and to the right of another one gains less for more.',
    numbers: folded('Numbers', numbers),
  })}`;
}
