import * as Plot from '@observablehq/plot';
import { figure, folded, html, table, type Html } from '../html.js';
import { loss, mean, percent, standardError, unique } from '../numbers.js';
import { draw, symbol, WIDE } from '../plot.js';
import type { EvaluationPoint, ReportData } from '../types.js';
import type { Verdict } from '../verdict.js';
import { armLegend, armStyle, empty, type Section } from './section.js';

interface Mean {
  readonly arm: string;
  readonly round: number;
  readonly value: number;
  readonly error: number;
  readonly seeds: number;
}

export function verdictTable(verdict: Verdict): Html {
  if (verdict.seeds.length === 0) return html``;
  const accuracy = (point: EvaluationPoint): string => `${percent(point.lastWordAccuracy)} ± ${percent(point.lastWordAccuracyStandardError)}`;
  return table({
    caption: `Each seed after round ${verdict.round}, ${verdict.set} set; losses in nats a token ± standard error of the evaluation`,
    rows: verdict.seeds,
    columns: [
      { name: 'seed', numeric: true, cell: ({ seed }) => seed },
      { name: `loss, ${verdict.arm}`, numeric: true, cell: ({ arm }) => `${loss(arm.loss)} ± ${loss(arm.lossStandardError)}` },
      { name: `loss, ${verdict.against}`, numeric: true, cell: ({ against }) => `${loss(against.loss)} ± ${loss(against.lossStandardError)}` },
      { name: 'gain', numeric: true, cell: ({ difference }) => loss(difference) },
      { name: `last word right, ${verdict.arm}`, numeric: true, cell: ({ arm }) => accuracy(arm) },
      { name: `last word right, ${verdict.against}`, numeric: true, cell: ({ against }) => accuracy(against) },
    ],
  });
}

export function resultsSection(data: ReportData): Section {
  const sets = (['test', 'tuning'] as const).filter((set) => data.metrics.some((point) => point.set === set));
  const body = sets.length === 0 ? empty('Nothing was evaluated.') : html`${sets.map((set) => resultsOn(data, set))}`;
  return { id: 'results', title: 'Held-out results', body };
}

function resultsOn(data: ReportData, set: 'test' | 'tuning'): Html {
  const points = data.metrics.filter((point) => point.set === set);
  const arms = unique(points.map(({ arm }) => arm));
  const many = unique(points.map(({ seed }) => seed)).length > 1;
  const errors = many ? 'standard error over seeds; small marks: single seeds' : 'standard error of the evaluation';
  return html`<h3>${set === 'test' ? 'Test set' : 'Tuning set'}</h3>${armLegend(data, arms)}<div class="pair">
${figure({
    graphic: html`<h4>Loss</h4>${chart({ data, points, arms, set, what: 'loss', unit: 'loss (nats a token)', value: (p) => p.loss, error: (p) => p.lossStandardError })}`,
    caption: `Lower is better. Bars: ${errors}. A method that selects well parts from random and stays below it.`,
  })}${figure({
    graphic: html`<h4>Last word right</h4>${chart({ data, points, arms, set, what: 'last-word accuracy', unit: 'last word right (%)', value: (p) => 100 * p.lastWordAccuracy, error: (p) => 100 * p.lastWordAccuracyStandardError })}`,
    caption: `Higher is better. Bars: ${errors}. Coarser than the loss: it counts only whether the first choice is right.`,
  })}</div>${folded(`All numbers, ${set} set`, metricsTable(points, data))}`;
}

/** bits a byte: loss in bits a token, times tokens a byte */
function bitsPerByte({ seed, set, loss: nats }: EvaluationPoint, { textBytes = [] }: Pick<ReportData, 'textBytes'>): number {
  const text = textBytes.find((one) => one.seed === seed && one.set === set);
  return text === undefined || text.bytes === 0 ? Number.NaN : ((nats / Math.LN2) * text.tokens) / text.bytes;
}

function metricsTable(points: readonly EvaluationPoint[], data: ReportData): Html {
  return table({
    caption: `Losses in nats a token; perplexity = exp(loss); ± standard error of the evaluation${data.textBytes === undefined ? '' : '; bits a byte of text do not depend on the tokenizer'}`,
    rows: points,
    columns: [
      { name: 'seed', numeric: true, cell: (p) => p.seed },
      { name: 'arm', cell: (p) => p.arm },
      { name: 'round', numeric: true, cell: (p) => p.round },
      { name: 'loss', numeric: true, cell: (p) => `${loss(p.loss)} ± ${loss(p.lossStandardError)}` },
      { name: 'perplexity', numeric: true, cell: (p) => p.perplexity.toFixed(2) },
      ...(data.textBytes === undefined ? [] : [{ name: 'bits a byte', numeric: true, cell: (p: EvaluationPoint) => loss(bitsPerByte(p, data)) }]),
      { name: 'last-word loss', numeric: true, cell: (p) => loss(p.lastWordLoss) },
      { name: 'last word right', numeric: true, cell: (p) => `${percent(p.lastWordAccuracy)} ± ${percent(p.lastWordAccuracyStandardError)}` },
    ],
  });
}

function chart({ data, points, arms, set, what, unit, value, error }: {
  readonly data: ReportData;
  readonly points: readonly EvaluationPoint[];
  readonly arms: readonly string[];
  readonly set: string;
  readonly what: string;
  readonly unit: string;
  readonly value: (point: EvaluationPoint) => number;
  readonly error: (point: EvaluationPoint) => number;
}): Html {
  const rounds = unique(points.map(({ round }) => round)).sort((a, b) => a - b);
  // arms stand a little apart, so that their bars do not cover each other
  const shift = (arm: string): number => 0.12 * (arms.indexOf(arm) - (arms.length - 1) / 2);
  const means = arms.flatMap((arm): Mean[] => rounds.flatMap((round) => {
    const here = points.filter((point) => point.arm === arm && point.round === round);
    if (here.length === 0) return [];
    const values = here.map(value);
    return [{ arm, round, value: mean(values), error: standardError(values) ?? error(here[0]), seeds: here.length }];
  }));
  return draw({
    label: `${what} on the ${set} set by round, one line an arm: ${means.map((m) => `${m.arm} round ${m.round} ${m.value.toFixed(3)}`).join(', ')}`,
    width: WIDE / 2,
    height: 280,
    x: { label: 'round', ticks: rounds, tickFormat: (round: number) => String(round), domain: [rounds[0] - 0.4, rounds[rounds.length - 1] + 0.4] },
    y: { label: unit, grid: true, nice: true, zero: false },
    marks: [
      Plot.axisX({ ticks: rounds, tickFormat: (round: number) => String(round), label: 'round' }),
      ...arms.flatMap((arm) => {
        const style = armStyle(data, arm);
        const own = means.filter((m) => m.arm === arm);
        const x = (p: { readonly round: number }): number => p.round + shift(arm);
        return [
          Plot.line(own, { x, y: 'value', stroke: style.colour, strokeWidth: 2, strokeDasharray: style.dash }),
          Plot.ruleX(own, { x, y1: (m: Mean) => m.value - m.error, y2: (m: Mean) => m.value + m.error, stroke: style.colour, strokeWidth: 1.5 }),
          ...(points.length > means.length ? [Plot.dot(points.filter((p) => p.arm === arm), { x: (p: EvaluationPoint) => x(p) + 0.05, y: value, r: 1.8, fill: style.colour, fillOpacity: 0.45 })] : []),
          Plot.dot(own, { x, y: 'value', fill: style.colour, r: 4.5, symbol: symbol(style.index), title: (m: Mean) => `${m.arm}, round ${m.round}: ${m.value.toFixed(4)} ± ${m.error.toFixed(4)} (${m.seeds} seed${m.seeds === 1 ? '' : 's'})` }),
        ];
      }),
    ],
  });
}
